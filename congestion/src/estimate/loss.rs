//! Loss, and what of it is the line's own.
//!
//! Radio loses packets at any rate; a policer and a short queue lose what is too much. Loss alone does not tell them apart, but
//! how it answers to the rate does: loss beyond what is known as inherent lowers the target to what was delivered once. If at
//! the lower rate as much is lost as before, it is inherent and the target returns; otherwise what was delivered is what the
//! line carries.

use super::Micros;

/// A window's length, when almost nothing gets through, and where it ends for want of losses to judge by.
const WINDOW: Micros = 500_000;
const SHORT_WINDOW: Micros = 200_000;
const MAX_WINDOW: Micros = 2_000_000;
/// Packets without which a window says nothing.
const MIN_PACKETS: u32 = 30;
/// Runs of losses that make a window telling.
const MIN_RUNS: u32 = 16;
/// Time that a window waits for packets that were overtaken: a feedback interval and more.
const SETTLING: Micros = 200_000;
/// Loss that is heavy enough for a short window.
const HEAVY: f64 = 0.2;
/// Loss beyond the inherent one that is too much.
const EXCESS: f64 = 0.04;
/// Nothing that loses more than this is a line that could carry what it is given.
const MAX_INHERENT: f64 = 0.25;
/// What is lost from the beginning is inherent up to this; more has to stay at a lower rate.
const MAX_FIRST: f64 = 0.15;
/// A trial that the sender has not answered to by lowering its rate ends after this time.
const TRIAL: Micros = 4_000_000;
/// Time that the sender needs at least to lower its rate.
const RESPONSE: Micros = 200_000;
/// What is left of the delivered rate for a trial, and what more than that the sender may send in it.
const LOWERED: f64 = 0.9;
const TOLERANCE: f64 = 1.1;
/// Part of the loss that must stay for it to be inherent.
const SAME: f64 = 0.65;

/// What a window's loss asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Verdict {
    /// Nothing unusual.
    Fine,
    /// No more than was delivered, in bit/s.
    Lower(f64),
    /// The loss was not due to the rate: back to the target, in bit/s, of before.
    Restore(f64),
    /// The line carries what it delivered then, in bit/s.
    Limited(f64),
}

/// Loss by time of sending.
#[derive(Debug)]
pub(super) struct Loss {
    window: Window,
    /// The one before, until all that was overtaken has come.
    settling: Option<(Micros, Window)>,
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
    fraction: f64,
    /// What the target has become.
    lowered: f64,
}

impl Loss {
    pub(super) fn new() -> Self {
        Self {
            window: Window::default(),
            settling: None,
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
        let settling = self.settling.as_mut().map(|(_, window)| window);
        for window in settling.into_iter().chain([&mut self.window]) {
            if window.lost > 0 && (window.first..=window.last).contains(&sent) {
                window.lost -= 1;
                window.runs = window.runs.min(window.lost);
                window.lost_bytes = window.lost_bytes.saturating_sub(u64::from(bytes));
            }
        }
    }

    /// The line was cut: what was sent before `now` says nothing.
    pub(super) fn interrupted(&mut self, now: Micros) {
        self.window = Window::default();
        self.settling = None;
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
        if self.settling.is_none() && self.window.is_full() {
            self.settling = Some((now, std::mem::take(&mut self.window)));
        }
        let Some((_, window)) = self.settling.take_if(|(since, _)| now - *since >= SETTLING) else {
            return Verdict::Fine;
        };
        let fraction = window.fraction();
        self.smoothed += 0.5 * (fraction - self.smoothed);
        self.count += 1;
        // Bursts count once each: how many, is chance.
        let chance = 2.0 * fraction * (1.0 - fraction) / f64::from(window.runs.max(1)).sqrt();
        let rate = window.rate(window.bytes);
        let delivered = window.rate(window.bytes - window.lost_bytes);
        if self.count == 1 && !is_queueing && fraction <= MAX_FIRST {
            self.inherent = fraction;
        }
        if let Some(trial) = self.trial {
            return self.conclude(now, trial, fraction, rate);
        }
        let beyond = fraction - self.inherent;
        if beyond - chance > EXCESS {
            let lowered = LOWERED * delivered;
            if !is_queueing {
                self.trial = Some(Trial {
                    began: now,
                    target,
                    fraction,
                    lowered,
                });
                self.interrupted(now + RESPONSE);
            }
            return Verdict::Lower(lowered);
        }
        if fraction < self.inherent {
            self.inherent += 0.2 * (fraction - self.inherent);
        }
        Verdict::Fine
    }

    fn conclude(&mut self, now: Micros, trial: Trial, fraction: f64, rate: f64) -> Verdict {
        if rate > TOLERANCE * trial.lowered && now - trial.began < TRIAL {
            return Verdict::Lower(trial.lowered);
        }
        self.trial = None;
        if rate > TOLERANCE * trial.lowered {
            return Verdict::Fine;
        }
        if fraction >= SAME * trial.fraction && fraction <= MAX_INHERENT {
            self.inherent = fraction;
            return Verdict::Restore(trial.target);
        }
        self.inherent = self.inherent.min(fraction);
        Verdict::Limited(trial.lowered / LOWERED)
    }
}

impl Window {
    /// Whether it can be judged.
    fn is_full(&self) -> bool {
        let span = self.last - self.first;
        let is_telling = self.runs >= MIN_RUNS || self.lost == 0;
        self.packets >= MIN_PACKETS
            && (span >= MAX_WINDOW
                || span >= WINDOW && is_telling
                || span >= SHORT_WINDOW && self.fraction() > HEAVY)
    }

    fn fraction(&self) -> f64 {
        f64::from(self.lost) / f64::from(self.packets.max(1))
    }

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
        assert!((14e6..16.5e6).contains(&to));
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
        assert!(matches!(verdicts[0], Verdict::Lower(to) if (12e6..14e6).contains(&to)));
        let verdicts = second(&mut loss, 2_000_000, 12_000_000, |_| false);
        assert!(
            matches!(verdicts[1..], [.., Verdict::Limited(to)] if (13e6..16e6).contains(&to)),
            "{verdicts:?}"
        );
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
        for index in 0..20 {
            let verdict = loss.judge(1_000_000 + index * 60_000, 5e6, false);
            assert_eq!(verdict, Verdict::Fine);
        }
        assert_eq!(loss.count, 1);
        assert_eq!(loss.smoothed(), 0.0);
    }
}
