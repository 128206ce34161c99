//! Loss, and what of it is the line's own.
//!
//! Radio loses packets at any rate; a policer and a short queue lose what is too much. Loss alone does not tell them apart, but
//! how it answers to the rate does: loss beyond what is known as inherent lowers the target to what was delivered once. If at
//! the lower rate as much is lost as before, it is inherent and the target returns; otherwise what was delivered is what the
//! line carries.

use super::Micros;

/// A window's length, and where it ends for want of packets.
const WINDOW: Micros = 500_000;
const MAX_WINDOW: Micros = 2_000_000;
/// Packets without which a window says nothing.
const MIN_PACKETS: u32 = 30;
/// Runs of losses that make a window telling.
const MIN_RUNS: u32 = 16;
/// Loss beyond the inherent one that is too much.
const EXCESS: f64 = 0.04;
/// Loss beyond the inherent one that forbids more.
const NO_MORE: f64 = 0.03;
/// Nothing that loses more than this is a line that could carry what it is given.
const MAX_INHERENT: f64 = 0.25;
/// A trial that the sender has not answered to by lowering its rate ends after this time.
const TRIAL: Micros = 4_000_000;
/// Part of the rate that must go for a trial, and part of the loss that must stay for it to be inherent.
const LOWER: f64 = 0.9;
const SAME: f64 = 0.6;

/// What a window's loss asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Verdict {
    /// Nothing unusual.
    Fine,
    /// No more than at present.
    Enough,
    /// No more than was delivered, in bit/s.
    Lower(f64),
    /// The loss was not due to the rate: back to the target, in bit/s, of before.
    Restore(f64),
    /// The line carries what it delivered.
    Limited,
}

/// Loss by time of sending.
#[derive(Debug)]
pub(super) struct Loss {
    window: Window,
    /// Windows so far.
    count: u64,
    inherent: f64,
    smoothed: f64,
    trial: Option<Trial>,
    /// Packets sent before do not count.
    since: Micros,
}

#[derive(Debug, Clone, Copy, Default)]
struct Window {
    first: Micros,
    last: Micros,
    packets: u32,
    lost: u32,
    runs: u32,
    is_in_run: bool,
    bytes: u64,
    lost_bytes: u64,
}

/// The target was lowered because of loss.
#[derive(Debug, Clone, Copy)]
struct Trial {
    began: Micros,
    /// Of before.
    target: f64,
    rate: f64,
    fraction: f64,
}

impl Loss {
    pub(super) fn new() -> Self {
        Self {
            window: Window::default(),
            count: 0,
            inherent: 0.0,
            smoothed: 0.0,
            trial: None,
            since: Micros::MIN,
        }
    }

    /// A packet is reported for the first time. They come in the order of sending.
    pub(super) fn add(&mut self, sent: Micros, bytes: u16, is_lost: bool) {
        if sent < self.since {
            return;
        }
        let window = &mut self.window;
        if window.packets == 0 {
            window.first = sent;
        }
        window.last = window.last.max(sent);
        window.packets += 1;
        window.bytes += u64::from(bytes);
        if is_lost {
            window.lost += 1;
            window.lost_bytes += u64::from(bytes);
            window.runs += u32::from(!window.is_in_run);
        }
        window.is_in_run = is_lost;
    }

    /// A packet that was reported as lost has only been late.
    pub(super) fn late(&mut self, sent: Micros, bytes: u16) {
        let window = &mut self.window;
        if window.lost > 0 && sent >= window.first {
            window.lost -= 1;
            window.runs = window.runs.min(window.lost);
            window.lost_bytes = window.lost_bytes.saturating_sub(u64::from(bytes));
        }
    }

    /// The line was cut: what was sent before `now` says nothing.
    pub(super) fn interrupted(&mut self, now: Micros) {
        self.window = Window::default();
        self.since = now;
    }

    /// The fraction lost lately.
    pub(super) fn smoothed(&self) -> f64 {
        self.smoothed
    }

    /// The fraction that is lost at any rate.
    pub(super) fn inherent(&self) -> f64 {
        self.inherent
    }

    /// Whether a lower target is being tried.
    pub(super) fn is_trial(&self) -> bool {
        self.trial.is_some()
    }

    /// The delay has decided: loss has no say in what follows.
    pub(super) fn overruled(&mut self, now: Micros) {
        self.trial = None;
        self.interrupted(now);
    }

    /// Judges after a feedback's packets have been added. `is_queueing`: packets wait longer than usual.
    pub(super) fn judge(&mut self, now: Micros, target: f64, is_queueing: bool) -> Verdict {
        let span = self.window.last - self.window.first;
        let is_telling = self.window.runs >= MIN_RUNS || span >= MAX_WINDOW;
        let is_clean = self.window.lost == 0;
        if span < WINDOW || self.window.packets < MIN_PACKETS || !(is_telling || is_clean) {
            return Verdict::Fine;
        }
        let window = std::mem::take(&mut self.window);
        let fraction = f64::from(window.lost) / f64::from(window.packets);
        self.smoothed += 0.5 * (fraction - self.smoothed);
        self.count += 1;
        // Bursts count once each: how many, is chance.
        let chance = 2.0 * fraction / f64::from(window.runs.max(1)).sqrt();
        let rate = window.rate(window.bytes);
        let delivered = window.rate(window.bytes - window.lost_bytes);
        if self.count == 1 && !is_queueing {
            self.inherent = fraction.min(0.2);
        }
        if let Some(trial) = self.trial {
            return self.conclude(now, trial, fraction, rate, delivered);
        }
        let beyond = fraction - self.inherent;
        if beyond - chance > EXCESS {
            if !is_queueing {
                self.trial = Some(Trial {
                    began: now,
                    target,
                    rate,
                    fraction,
                });
                self.since = now;
            }
            return Verdict::Lower(delivered);
        }
        if fraction < self.inherent {
            self.inherent += 0.2 * (fraction - self.inherent);
        }
        if beyond > NO_MORE + chance * 0.5 {
            return Verdict::Enough;
        }
        Verdict::Fine
    }

    fn conclude(
        &mut self,
        now: Micros,
        trial: Trial,
        fraction: f64,
        rate: f64,
        delivered: f64,
    ) -> Verdict {
        let is_lower = rate < LOWER * trial.rate;
        if is_lower && fraction >= SAME * trial.fraction && fraction <= MAX_INHERENT {
            self.trial = None;
            self.inherent = fraction;
            return Verdict::Restore(trial.target);
        }
        if is_lower && fraction < SAME * trial.fraction {
            self.trial = None;
            self.inherent = self.inherent.min(fraction);
            return Verdict::Limited;
        }
        if now - trial.began > TRIAL {
            self.trial = None;
        }
        Verdict::Lower(delivered)
    }
}

impl Window {
    fn rate(&self, bytes: u64) -> f64 {
        bytes as f64 * 8e6 / (self.last - self.first).max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A second of `rate` bit/s in packets of 1,200 bytes, of which `is_lost` are lost; the verdicts.
    fn second(
        loss: &mut Loss,
        from: Micros,
        rate: i64,
        is_lost: impl Fn(i64) -> bool,
    ) -> Vec<Verdict> {
        let gap = 9_600_000_000 / rate;
        let mut verdicts = Vec::new();
        for index in 0..1_000_000 / gap {
            let sent = from + index * gap;
            loss.add(sent, 1_200, is_lost(index));
            if index % 50 == 0 {
                verdicts.push(loss.judge(sent, rate as f64 * 1.2, false));
            }
        }
        verdicts.retain(|verdict| *verdict != Verdict::Fine);
        verdicts
    }

    #[test]
    fn loss_from_the_beginning_is_inherent() {
        let mut loss = Loss::new();
        for index in 0..10 {
            let verdicts = second(&mut loss, index * 1_000_000, 12_000_000, |n| n % 10 == 0);
            assert_eq!(verdicts, []);
        }
        assert!((0.08..0.12).contains(&loss.inherent()));
        assert!((0.08..0.12).contains(&loss.smoothed()));
    }

    #[test]
    fn loss_that_stays_at_a_lower_rate_is_inherent() {
        let mut loss = Loss::new();
        second(&mut loss, 0, 20_000_000, |_| false);
        let verdicts = second(&mut loss, 1_000_000, 20_000_000, |n| n % 8 == 0);
        let Verdict::Lower(to) = verdicts[0] else {
            panic!("{verdicts:?}")
        };
        assert!((16e6..18.5e6).contains(&to));
        let verdicts = second(&mut loss, 2_000_000, 12_000_000, |n| n % 8 == 0);
        assert!(verdicts.contains(&Verdict::Restore(24e6)), "{verdicts:?}");
        let verdicts = second(&mut loss, 3_000_000, 20_000_000, |n| n % 8 == 0);
        assert_eq!(verdicts, []);
    }

    #[test]
    fn loss_that_goes_with_the_rate_is_a_limit() {
        let mut loss = Loss::new();
        second(&mut loss, 0, 20_000_000, |_| false);
        let verdicts = second(&mut loss, 1_000_000, 20_000_000, |n| n % 4 == 0);
        assert!(matches!(verdicts[0], Verdict::Lower(to) if (13e6..16e6).contains(&to)));
        let verdicts = second(&mut loss, 2_000_000, 12_000_000, |_| false);
        assert!(verdicts.contains(&Verdict::Limited), "{verdicts:?}");
        assert_eq!(loss.inherent(), 0.0);
    }

    #[test]
    fn a_burst_is_no_excess() {
        let mut loss = Loss::new();
        second(&mut loss, 0, 20_000_000, |_| false);
        for index in 1..20 {
            // 2 % in one burst each second.
            let from = index * 1_000_000;
            let verdicts = second(&mut loss, from, 20_000_000, |n| (500..540).contains(&n));
            assert_eq!(verdicts, []);
        }
    }

    #[test]
    fn what_was_late_was_not_lost() {
        let mut loss = Loss::new();
        for index in 0..200 {
            loss.add(index * 5_000, 1_200, index % 2 == 0);
        }
        for index in 0..100 {
            loss.late(index * 10_000, 1_200);
        }
        assert_eq!(loss.judge(1_000_000, 5e6, false), Verdict::Fine);
        assert_eq!(loss.smoothed(), 0.0);
    }
}
