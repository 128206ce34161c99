//! The sequence of one RTP source: order, gaps, what to ask for again, what to give up.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// A jump forward by more than this is a new beginning, not a loss: two seconds of 4K at 20 Mbit/s.
const MAX_JUMP: u64 = 4_096;
/// So many packets in a row from behind the window are a new beginning too.
const MAX_STRAY: u32 = 16;
/// A gap may be reordering for this long before it is asked for.
const REORDER_GRACE: Duration = Duration::from_millis(10);
/// How long a repair takes until one has been seen.
const USUAL_REPAIR: Duration = Duration::from_millis(50);
/// Bounds of what is believed about it.
const REPAIR_BOUNDS: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// The newest so far.
    New,
    /// Fills a gap.
    Repair,
    /// Was here before.
    Duplicate,
    /// Fills a gap that had been given up.
    Late,
    /// Begins a new sequence.
    Restart,
}

/// What comes next in the order of the sequence.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<P> {
    Packet(P),
    /// Packets are missing here, and were given up.
    Gap,
}

#[derive(Debug)]
pub(super) struct Arrivals<P> {
    patience: Duration,
    window: Option<Window<P>>,
    repair_time: Option<Duration>,
    stray: u32,
}

#[derive(Debug)]
struct Window<P> {
    /// Extended sequence number of what is released next.
    next: u64,
    /// Highest extended sequence number received.
    highest: u64,
    held: BTreeMap<u64, P>,
    missing: BTreeMap<u64, Missing>,
    /// Given up, remembered for as long as a packet may still come.
    lost: BTreeSet<u64>,
}

#[derive(Debug)]
struct Missing {
    since: Instant,
    ask_at: Instant,
    asked_at: Option<Instant>,
    times: u32,
}

impl<P> Arrivals<P> {
    /// `patience`: how long a missing packet is waited for.
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            patience,
            window: None,
            repair_time: None,
            stray: 0,
        }
    }

    /// Takes a packet in.
    pub(super) fn insert(&mut self, now: Instant, sequence: u16, packet: P) -> Arrival {
        let Some(window) = &mut self.window else {
            self.window = Some(Window::starting_with(sequence, packet));
            return Arrival::New;
        };
        let at = window.extend(sequence);
        if at > window.highest + MAX_JUMP || at + MAX_JUMP < window.highest {
            self.stray += 1;
            // One packet may be a stray from before; several in a row are how it goes on from now.
            if at < window.highest && self.stray < MAX_STRAY {
                return Arrival::Late;
            }
            self.window = Some(Window::starting_with(sequence, packet));
            self.stray = 0;
            return Arrival::Restart;
        }
        self.stray = 0;
        if at > window.highest {
            for missing in window.highest + 1..at {
                let ask_at = now + REORDER_GRACE;
                let missing_since = Missing {
                    since: now,
                    ask_at,
                    asked_at: None,
                    times: 0,
                };
                window.missing.insert(missing, missing_since);
            }
            window.highest = at;
            window.held.insert(at, packet);
            return Arrival::New;
        }
        if let Some(missing) = window.missing.remove(&at) {
            // Asked for twice, it could be the answer to either.
            if let Some(asked_at) = missing.asked_at.filter(|_| missing.times == 1) {
                let took = now.saturating_duration_since(asked_at);
                self.repair_time =
                    Some(self.repair_time.map_or(took, |time| (time * 7 + took) / 8));
            }
            window.held.insert(at, packet);
            return Arrival::Repair;
        }
        if window.lost.remove(&at) {
            Arrival::Late
        } else {
            Arrival::Duplicate
        }
    }

    /// Gives up what has been missing for longer than the patience; says how many packets that were.
    pub(super) fn give_up(&mut self, now: Instant) -> u64 {
        let Some(window) = &mut self.window else {
            return 0;
        };
        let mut given_up = 0;
        // Gaps are found in the order of the sequence, so the oldest is first.
        while let Some(oldest) = window.missing.first_entry()
            && now.saturating_duration_since(oldest.get().since) >= self.patience
        {
            window.lost.insert(oldest.remove_entry().0);
            given_up += 1;
        }
        let horizon = window.highest.saturating_sub(MAX_JUMP);
        while window.lost.first().is_some_and(|lost| *lost < horizon) {
            window.lost.pop_first();
        }
        given_up
    }

    /// What can be released now.
    pub(super) fn next(&mut self) -> Option<Next<P>> {
        let window = self.window.as_mut()?;
        let first = window.held.first_entry()?;
        let at = *first.key();
        if at == window.next {
            window.next += 1;
            return Some(Next::Packet(first.remove()));
        }
        // Everything between was given up, or the first missing one is further on.
        if window
            .missing
            .first_key_value()
            .is_none_or(|(missing, _)| *missing > at)
        {
            window.next = at;
            return Some(Next::Gap);
        }
        None
    }

    /// Sequence numbers to ask for now; each is asked for again, less and less often, until it comes or is given up.
    pub(super) fn requests(&mut self, now: Instant) -> Vec<u16> {
        let wait = self.repair_time.map_or(USUAL_REPAIR, |time| time * 3 / 2);
        let wait = wait.clamp(REPAIR_BOUNDS.0, REPAIR_BOUNDS.1);
        let Some(window) = &mut self.window else {
            return Vec::new();
        };
        let due = window
            .missing
            .iter_mut()
            .filter(|(_, missing)| missing.ask_at <= now);
        due.map(|(at, missing)| {
            missing.asked_at = Some(now);
            missing.ask_at = now + wait * 2_u32.pow(missing.times.min(4));
            missing.times += 1;
            *at as u16
        })
        .collect()
    }

    /// When [`Self::give_up`] or [`Self::requests`] has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let missing = &self.window.as_ref()?.missing;
        let give_up = missing
            .first_key_value()
            .map(|(_, missing)| missing.since + self.patience);
        let ask = missing.values().map(|missing| missing.ask_at).min();
        give_up.into_iter().chain(ask).min()
    }
}

impl<P> Window<P> {
    fn starting_with(sequence: u16, packet: P) -> Self {
        // Room below, for packets from before the first.
        let at = (1 << 32) | u64::from(sequence);
        Self {
            next: at,
            highest: at,
            held: BTreeMap::from([(at, packet)]),
            missing: BTreeMap::new(),
            lost: BTreeSet::new(),
        }
    }

    /// The extended sequence number nearest to the highest (RFC 3550 appendix A.1).
    fn extend(&self, sequence: u16) -> u64 {
        let ahead = sequence.wrapping_sub(self.highest as u16) as i16;
        self.highest.wrapping_add_signed(i64::from(ahead))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(200);

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// Everything that can be released; `None` is a gap.
    fn released(arrivals: &mut Arrivals<u16>) -> Vec<Option<u16>> {
        std::iter::from_fn(|| arrivals.next())
            .map(|next| match next {
                Next::Packet(packet) => Some(packet),
                Next::Gap => None,
            })
            .collect()
    }

    fn insert(arrivals: &mut Arrivals<u16>, now: Instant, sequence: u16) -> Arrival {
        arrivals.insert(now, sequence, sequence)
    }

    #[test]
    fn a_repaired_gap_is_released_in_order_across_the_wrap() {
        let (start, mut arrivals) = (Instant::now(), Arrivals::new(PATIENCE));
        for sequence in [65_534, 65_535, 2] {
            assert_eq!(insert(&mut arrivals, start, sequence), Arrival::New);
        }
        assert_eq!(released(&mut arrivals), [Some(65_534), Some(65_535)]);
        assert!(arrivals.requests(start).is_empty());
        assert_eq!(arrivals.deadline(), Some(start + REORDER_GRACE));
        assert_eq!(arrivals.requests(start + ms(10)), [0, 1]);
        assert_eq!(insert(&mut arrivals, start + ms(40), 1), Arrival::Repair);
        assert_eq!(released(&mut arrivals), []);
        assert_eq!(insert(&mut arrivals, start + ms(41), 0), Arrival::Repair);
        assert_eq!(released(&mut arrivals), [Some(0), Some(1), Some(2)]);
        assert_eq!(insert(&mut arrivals, start + ms(42), 1), Arrival::Duplicate);
        assert_eq!(arrivals.give_up(start + ms(900)), 0);
        assert_eq!(arrivals.deadline(), None);
    }

    #[test]
    fn what_does_not_come_is_given_up_after_the_patience() {
        let (start, mut arrivals) = (Instant::now(), Arrivals::new(PATIENCE));
        insert(&mut arrivals, start, 10);
        insert(&mut arrivals, start, 13);
        insert(&mut arrivals, start + ms(50), 15);
        assert_eq!(arrivals.give_up(start + ms(199)), 0);
        assert_eq!(released(&mut arrivals), [Some(10)]);
        assert_eq!(arrivals.give_up(start + ms(200)), 2);
        assert_eq!(released(&mut arrivals), [None, Some(13)]);
        assert_eq!(insert(&mut arrivals, start + ms(210), 12), Arrival::Late);
        assert_eq!(
            insert(&mut arrivals, start + ms(211), 12),
            Arrival::Duplicate
        );
        assert_eq!(arrivals.give_up(start + ms(250)), 1);
        assert_eq!(released(&mut arrivals), [None, Some(15)]);
    }

    #[test]
    fn requests_are_repeated_less_and_less_often() {
        let (start, mut arrivals) = (Instant::now(), Arrivals::new(Duration::from_secs(60)));
        insert(&mut arrivals, start, 1);
        insert(&mut arrivals, start, 3);
        let asked: Vec<u64> = (0..400)
            .filter(|at| !arrivals.requests(start + ms(*at)).is_empty())
            .collect();
        assert_eq!(asked, [10, 60, 160, 360]);
    }

    #[test]
    fn the_pace_of_requests_follows_the_repairs() {
        let (start, mut arrivals) = (Instant::now(), Arrivals::new(Duration::from_secs(60)));
        insert(&mut arrivals, start, 1);
        insert(&mut arrivals, start, 3);
        assert_eq!(arrivals.requests(start + ms(10)), [2]);
        insert(&mut arrivals, start + ms(210), 2);
        insert(&mut arrivals, start + ms(210), 5);
        let asked: Vec<u64> = (210..900)
            .filter(|at| !arrivals.requests(start + ms(*at)).is_empty())
            .collect();
        assert_eq!(asked, [220, 520]);
    }

    #[test]
    fn a_sequence_that_begins_anew_is_followed() {
        let (start, mut arrivals) = (Instant::now(), Arrivals::new(PATIENCE));
        insert(&mut arrivals, start, 100);
        assert_eq!(released(&mut arrivals), [Some(100)]);
        assert_eq!(insert(&mut arrivals, start, 20_000), Arrival::Restart);
        assert_eq!(released(&mut arrivals), [Some(20_000)]);
        let behind: Vec<_> = (0..16)
            .map(|n| insert(&mut arrivals, start, 5_000 + n))
            .collect();
        assert!(behind[..15].iter().all(|arrival| *arrival == Arrival::Late));
        assert_eq!(behind[15], Arrival::Restart);
        assert_eq!(released(&mut arrivals), [Some(5_015)]);
    }
}
