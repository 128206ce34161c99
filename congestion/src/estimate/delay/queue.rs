//! The queue as a size: the smallest delay of the last moments above the smallest of the last seconds.

use super::Micros;

/// A moment.
const MOMENT: Micros = 40_000;
/// Moments that make the present.
const PRESENT: usize = 3;
/// A fall of the delay within the present that no queue makes by draining.
const RELEASED: Micros = 40_000;
/// Half of the time that a smallest delay is remembered. Long enough to see the queue empty, short enough that clocks which
/// drift apart by 100 ppm differ by 2 ms only.
const HALF_MEMORY: Micros = 10_000_000;

/// Delays, by time of sending. They include the unknown difference of the clocks.
#[derive(Debug)]
pub(super) struct Queue {
    /// The smallest delay of each of the last moments, the latest first.
    moments: [Option<Micros>; PRESENT],
    /// The latest moment's number.
    moment: i64,
    /// Since when the current half counts.
    since: Option<Micros>,
    /// The smallest delay of this half and of the one before.
    halves: [Micros; 2],
}

impl Queue {
    pub(super) fn new() -> Self {
        Self {
            moments: [None; PRESENT],
            moment: 0,
            since: None,
            halves: [Micros::MAX; 2],
        }
    }

    pub(super) fn add(&mut self, sent: Micros, arrived: Micros) {
        let delay = arrived - sent;
        let moment = sent / MOMENT;
        if moment > self.moment || self.since.is_none() {
            let passed = (moment - self.moment).clamp(1, PRESENT as i64) as usize;
            self.moments.rotate_right(passed);
            self.moments[..passed].fill(None);
            self.moment = moment;
        }
        let latest = &mut self.moments[0];
        *latest = Some(latest.map_or(delay, |smallest| smallest.min(delay)));
        let since = *self.since.get_or_insert(sent);
        if sent - since > HALF_MEMORY {
            self.halves = [Micros::MAX, self.halves[0]];
            self.since = Some(sent);
        }
        self.halves[0] = self.halves[0].min(delay);
    }

    /// Microseconds that packets wait at present.
    pub(super) fn size(&self) -> f64 {
        let base = self.halves[0].min(self.halves[1]);
        let present = self.moments.iter().flatten().min();
        present.map_or(0.0, |present| (present - base).max(0) as f64)
    }

    /// Whether the latest packets wait so much less than those just before that something held up all of them and has let them
    /// go at once: a busy receiver, a change of cells.
    pub(super) fn is_released(&self) -> bool {
        let mut moments = self.moments.iter().flatten();
        let (latest, earliest) = (moments.next(), moments.next_back());
        latest
            .zip(earliest)
            .is_some_and(|(latest, earliest)| earliest - latest > RELEASED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_delay_counts() {
        let mut queue = Queue::new();
        for index in 0..100 {
            // A burst's later packets wait for the earlier ones.
            queue.add(index * 10_000, index * 10_000 + 500_000 + index % 4 * 9_000);
        }
        assert_eq!(queue.size(), 0.0);
        for index in 100..120 {
            queue.add(index * 10_000, index * 10_000 + 530_000 + index % 4 * 9_000);
        }
        assert_eq!(queue.size(), 30_000.0);
    }

    #[test]
    fn what_was_held_up_and_let_go_at_once_is_no_queue() {
        let mut queue = Queue::new();
        queue.add(0, 0);
        for index in 0..12 {
            queue.add(100_000 + index * 10_000, 350_000);
        }
        assert!(queue.size() > 100_000.0);
        assert!(queue.is_released());
        for index in 0..12 {
            queue.add(220_000 + index * 10_000, 350_000 + index * 20_000);
        }
        assert!(!queue.is_released());
    }

    #[test]
    fn the_base_is_forgotten_after_a_while() {
        let mut queue = Queue::new();
        queue.add(0, 0);
        for index in 0..3_000 {
            queue.add(index * 10_000, index * 10_000 + 30_000);
        }
        assert_eq!(queue.size(), 0.0);
    }
}
