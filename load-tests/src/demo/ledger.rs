//! What a publisher has sent, and when: its counters as they were told once a second.

use std::time::{Duration, Instant};

/// Counters of a publisher since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// Pictures.
    pub pictures: u64,
    /// Opus packets.
    pub sounds: u64,
    /// RTP packets of both.
    pub packets: u64,
}

impl Sent {
    /// What came after `earlier`.
    pub fn since(self, earlier: Sent) -> Sent {
        Sent {
            pictures: self.pictures.saturating_sub(earlier.pictures),
            sounds: self.sounds.saturating_sub(earlier.sounds),
            packets: self.packets.saturating_sub(earlier.packets),
        }
    }
}

/// When a program that counts its own seconds began. What it tells takes a while to be read, so the earliest wins.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beginning(Option<Instant>);

impl Beginning {
    /// Takes note that `seconds` after its beginning were read at `read`; gives the moment that they mean.
    pub fn moment(&mut self, read: Instant, seconds: f64) -> Instant {
        let since = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        let beginning = read.checked_sub(since).unwrap_or(read);
        let earliest = self.0.map_or(beginning, |known| known.min(beginning));
        self.0 = Some(earliest);
        earliest + since
    }

    /// The beginning itself, once something was read.
    pub fn known(self) -> Option<Instant> {
        self.0
    }
}

/// The counters over time.
#[derive(Debug, Default)]
pub struct Ledger {
    rows: Vec<(Instant, Sent)>,
}

impl Ledger {
    /// Enters the counters as they were at `moment`, which is not before the moment entered last.
    pub fn enter(&mut self, moment: Instant, sent: Sent) {
        self.rows.push((moment, sent));
    }

    /// The newest counters.
    pub fn total(&self) -> Sent {
        self.rows
            .last()
            .map_or_else(Sent::default, |(_, sent)| *sent)
    }

    /// The counters at `moment`, in proportion between two rows.
    pub fn at(&self, moment: Instant) -> Sent {
        let next = self.rows.partition_point(|(entered, _)| *entered <= moment);
        let Some((begin, before)) = next.checked_sub(1).and_then(|row| self.rows.get(row)) else {
            return Sent::default();
        };
        let Some((end, after)) = self.rows.get(next) else {
            return *before;
        };
        let share = (moment - *begin).as_secs_f64() / (*end - *begin).as_secs_f64();
        let between = |before: u64, after: u64| {
            before + (after.saturating_sub(before) as f64 * share).round() as u64
        };
        Sent {
            pictures: between(before.pictures, after.pictures),
            sounds: between(before.sounds, after.sounds),
            packets: between(before.packets, after.packets),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(pictures: u64) -> Sent {
        Sent {
            pictures,
            sounds: 2 * pictures,
            packets: 70 * pictures,
        }
    }

    #[test]
    fn lies_between_the_rows() {
        let start = Instant::now();
        let after = |millis| start + Duration::from_millis(millis);
        let mut ledger = Ledger::default();
        assert_eq!(ledger.at(start), Sent::default());
        ledger.enter(after(1000), sent(30));
        ledger.enter(after(2000), sent(60));
        assert_eq!(ledger.at(after(500)), Sent::default());
        assert_eq!(ledger.at(after(1000)), sent(30));
        assert_eq!(ledger.at(after(1500)), sent(45));
        assert_eq!(ledger.at(after(2500)), sent(60));
        assert_eq!(ledger.total().since(ledger.at(after(1900))), sent(3));
    }

    #[test]
    fn the_quickest_reading_tells_the_beginning() {
        let start = Instant::now();
        let after = |millis| start + Duration::from_millis(millis);
        let mut beginning = Beginning::default();
        assert_eq!(beginning.moment(after(1300), 1.0), after(1300));
        assert_eq!(beginning.moment(after(2010), 2.0), after(2010));
        assert_eq!(beginning.moment(after(3500), 3.0), after(3010));
        assert_eq!(beginning.known(), Some(after(10)));
    }
}
