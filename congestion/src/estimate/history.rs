//! What was sent, by transport-wide number, and what feedback says about it.

use crate::arrivals::Feedback;

use super::Micros;

/// Packets remembered: 4 s at 20 Mbit/s, in 64 KiB.
const PACKETS: usize = 8_192;
/// Feedback about older packets says nothing about the line of today.
const MAX_AGE: Micros = 20_000_000;
/// Unit of reference times.
const REFERENCE: Micros = 64_000;
/// Unit of deltas.
const DELTA: Micros = 250;
/// Both clocks run alike: what they differ by may change by no more than this between two feedbacks.
const MAX_JUMP: Micros = 15_000_000;
/// Feedbacks in a row with an impossible time, after which the far end has got another clock.
const JUMPS: u8 = 8;

/// The last packets that were sent.
#[derive(Debug)]
pub(super) struct History {
    entries: Box<[Entry]>,
    /// Packets sent so far; the low 16 bits are the next number.
    sent: u64,
    /// One past the last packet that a feedback has covered.
    covered: u64,
    clock: Clock,
    unmatched: u64,
    missing: u64,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Microseconds, modulo 2^32.
    sent: u32,
    bytes: u16,
    fate: Fate,
    /// It left a second time under the same number: that it arrives does not tell that it was not lost.
    is_repeated: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Unknown,
    Missing,
    Received,
}

/// What a feedback says about one packet, for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Report {
    /// It arrived.
    Received {
        sent: Micros,
        arrived: Micros,
        bytes: u16,
        /// An earlier feedback had it missing.
        is_late: bool,
    },
    /// It did not, or not yet.
    Missing { sent: Micros, bytes: u16 },
}

/// The far end's clock.
#[derive(Debug, Default)]
struct Clock {
    /// The latest reference time, unwrapped, and its distance from our clock.
    latest: Option<(i64, Micros)>,
    jumps: u8,
}

/// How a feedback's times are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// Counting from this time of the far end's clock.
    From(Micros),
    /// As above, and earlier arrivals are on another clock.
    Anew(Micros),
}

impl History {
    pub(super) fn new() -> Self {
        let entry = Entry {
            sent: 0,
            bytes: 0,
            fate: Fate::Unknown,
            is_repeated: false,
        };
        Self {
            entries: vec![entry; PACKETS].into_boxed_slice(),
            sent: 0,
            covered: 0,
            clock: Clock::default(),
            unmatched: 0,
            missing: 0,
        }
    }

    pub(super) fn push(&mut self, now: Micros, bytes: usize) -> u16 {
        let number = self.sent as u16;
        self.entries[usize::from(number) % PACKETS] = Entry {
            sent: now as u32,
            bytes: bytes.min(usize::from(u16::MAX)) as u16,
            fate: Fate::Unknown,
            is_repeated: false,
        };
        self.sent += 1;
        number
    }

    /// A packet leaves again under its number.
    pub(super) fn repeat(&mut self, number: u16) {
        if let Some((_, entry)) = self.entry(number) {
            entry.is_repeated = true;
        }
    }

    /// Reports about packets that feedback could not have told anything (new) about.
    pub(super) fn unmatched(&self) -> u64 {
        self.unmatched
    }

    /// Packets that feedback has had missing and that have not come since.
    pub(super) fn missing(&self) -> u64 {
        self.missing
    }

    /// Whether a feedback's times make sense. If not, it is counted and to be left alone.
    pub(super) fn read_clock(&mut self, now: Micros, feedback: &Feedback) -> Option<Reading> {
        let reading = self.clock.read(now, feedback.reference_time);
        if reading.is_none() {
            self.unmatched += feedback.deltas.len() as u64;
        }
        reading
    }

    /// Calls `report` for every packet that `feedback` tells something new about, in the order of sending.
    pub(super) fn match_up(
        &mut self,
        now: Micros,
        origin: Micros,
        feedback: &Feedback,
        mut report: impl FnMut(Report),
    ) {
        let mut arrived = origin;
        let covered_before = self.covered;
        let covered = &feedback.deltas[..feedback.deltas.len().min(PACKETS)];
        self.unmatched += (feedback.deltas.len() - covered.len()) as u64;
        for (index, delta) in covered.iter().enumerate() {
            if let Some(delta) = delta {
                arrived += Micros::from(*delta) * DELTA;
            }
            let number = feedback.base.wrapping_add(index as u16);
            let Some((place, entry)) = self.entry(number) else {
                self.unmatched += 1;
                continue;
            };
            let is_repeated = entry.is_repeated;
            let age = Micros::from((now as u32).wrapping_sub(entry.sent));
            let (sent, bytes) = (now - age, entry.bytes);
            match (delta, entry.fate) {
                _ if age > MAX_AGE => self.unmatched += 1,
                (Some(_), Fate::Received) => self.unmatched += 1,
                (Some(_), _) if (arrived - origin).abs() > MAX_JUMP => self.unmatched += 1,
                (Some(_), Fate::Missing) if is_repeated => {}
                (Some(_), fate) if !is_repeated => {
                    entry.fate = Fate::Received;
                    self.missing -= u64::from(fate == Fate::Missing);
                    report(Report::Received {
                        sent,
                        arrived,
                        bytes,
                        is_late: fate == Fate::Missing,
                    });
                }
                // Behind what was covered already, a feedback tells of late arrivals only: what it leaves out, one that was lost
                // on its way may have told.
                (None, Fate::Unknown) if place < covered_before => {}
                (_, Fate::Unknown) => {
                    entry.fate = Fate::Missing;
                    self.missing += 1;
                    report(Report::Missing { sent, bytes });
                }
                (_, Fate::Missing | Fate::Received) => {}
            }
            self.covered = self.covered.max(place + 1);
        }
    }

    /// What is known of a number, with the place among all packets of the one that had it last.
    fn entry(&mut self, number: u16) -> Option<(u64, &mut Entry)> {
        let back = u64::from((self.sent as u16).wrapping_sub(number));
        let known = self.sent.min(PACKETS as u64);
        (1..=known).contains(&back).then(|| {
            let place = self.sent - back;
            (place, &mut self.entries[usize::from(number) % PACKETS])
        })
    }
}

impl Clock {
    fn read(&mut self, now: Micros, reference: u32) -> Option<Reading> {
        let reference = i64::from(reference & 0xFF_FFFF);
        let Some((latest, distance)) = self.latest else {
            self.latest = Some((reference, reference * REFERENCE - now));
            return Some(Reading::From(reference * REFERENCE));
        };
        // 24 bits wrap every 12 days: the nearest of all that have these bits.
        let step = ((reference - latest) << 40) >> 40;
        let unwrapped = latest + step;
        let origin = unwrapped * REFERENCE;
        if (origin - now - distance).abs() <= MAX_JUMP {
            self.jumps = 0;
            if step > 0 {
                self.latest = Some((unwrapped, origin - now));
            }
            return Some(Reading::From(origin));
        }
        self.jumps += 1;
        if self.jumps < JUMPS {
            return None;
        }
        self.jumps = 0;
        self.latest = Some((unwrapped, origin - now));
        Some(Reading::Anew(origin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feedback(base: u16, reference_time: u32, deltas: &[Option<i16>]) -> Feedback {
        Feedback {
            base,
            reference_time,
            count: 0,
            deltas: deltas.to_vec(),
        }
    }

    fn reports(history: &mut History, now: Micros, feedback: &Feedback) -> Vec<Report> {
        let mut reports = Vec::new();
        if let Some(Reading::From(origin) | Reading::Anew(origin)) =
            history.read_clock(now, feedback)
        {
            history.match_up(now, origin, feedback, |report| reports.push(report));
        }
        reports
    }

    #[test]
    fn arrivals_meet_what_was_sent() {
        let mut history = History::new();
        for (at, bytes) in [(1_000, 100), (2_000, 200), (3_000, 300)] {
            history.push(at, bytes);
        }
        let told = feedback(0, 10, &[Some(4), None, Some(-2)]);
        assert_eq!(
            reports(&mut history, 50_000, &told),
            [
                Report::Received {
                    sent: 1_000,
                    arrived: 641_000,
                    bytes: 100,
                    is_late: false
                },
                Report::Missing {
                    sent: 2_000,
                    bytes: 200
                },
                Report::Received {
                    sent: 3_000,
                    arrived: 640_500,
                    bytes: 300,
                    is_late: false
                },
            ]
        );
        assert_eq!(reports(&mut history, 60_000, &told), [], "a replay");
        assert_eq!((history.unmatched(), history.missing()), (2, 1));
        let late = feedback(1, 10, &[Some(0)]);
        assert!(matches!(
            reports(&mut history, 70_000, &late)[..],
            [Report::Received { is_late: true, .. }]
        ));
        assert_eq!(history.missing(), 0);
    }

    #[test]
    fn what_a_lost_feedback_told_is_not_taken_for_missing() {
        let mut history = History::new();
        for _ in 0..4 {
            history.push(1_000, 100);
        }
        reports(&mut history, 50_000, &feedback(3, 10, &[Some(0)]));
        let late = feedback(0, 10, &[Some(0), None, None, None]);
        assert_eq!(reports(&mut history, 60_000, &late).len(), 1);
        assert_eq!(history.missing(), 0);
    }

    #[test]
    fn a_packet_that_was_sent_twice_stays_lost() {
        let mut history = History::new();
        for _ in 0..3 {
            history.push(1_000, 100);
        }
        reports(&mut history, 50_000, &feedback(0, 10, &[Some(0), None]));
        history.repeat(1);
        history.repeat(2);
        let repaired = feedback(1, 11, &[Some(0), Some(0)]);
        assert_eq!(
            reports(&mut history, 90_000, &repaired),
            [Report::Missing {
                sent: 1_000,
                bytes: 100
            }]
        );
        assert_eq!(history.missing(), 2);
    }

    #[test]
    fn numbers_never_sent_or_long_forgotten_are_counted() {
        let mut history = History::new();
        history.push(0, 100);
        assert_eq!(
            reports(&mut history, 1, &feedback(1, 0, &[Some(0), None])),
            []
        );
        assert_eq!(history.unmatched(), 2);
        for _ in 0..PACKETS + 1 {
            history.push(2, 100);
        }
        assert_eq!(reports(&mut history, 3, &feedback(0, 0, &[Some(0)])), []);
        assert_eq!(history.unmatched(), 3);
        let late = feedback(2, 0, &[Some(0)]);
        assert_eq!(reports(&mut history, MAX_AGE + 3, &late), []);
    }

    #[test]
    fn numbers_and_reference_times_wrap() {
        let mut history = History::new();
        for _ in 0..65_537 {
            history.push(0, 100);
        }
        let first = feedback(65_535, 0xFF_FFFF, &[Some(0)]);
        let [
            Report::Received {
                arrived: before, ..
            },
        ] = reports(&mut history, 10, &first)[..]
        else {
            panic!();
        };
        let second = feedback(0, 0, &[Some(0)]);
        let [Report::Received { arrived, .. }] = reports(&mut history, 64_010, &second)[..] else {
            panic!();
        };
        assert_eq!(arrived - before, REFERENCE);
    }

    #[test]
    fn an_impossible_time_is_ignored_until_it_persists() {
        let mut history = History::new();
        for _ in 0..20 {
            history.push(0, 100);
        }
        reports(&mut history, 10, &feedback(0, 100, &[Some(0)]));
        for _ in 1..JUMPS {
            let jumped = feedback(1, 100_000, &[Some(0)]);
            assert_eq!(reports(&mut history, 20, &jumped), []);
        }
        let jumped = feedback(1, 100_000, &[Some(0)]);
        assert_eq!(
            history.read_clock(20, &jumped),
            Some(Reading::Anew(100_000 * REFERENCE))
        );
    }
}
