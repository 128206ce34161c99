//! When to ask for a keyframe.

use std::time::{Duration, Instant};

/// Between two requests of one slot.
const INTERVAL: Duration = Duration::from_millis(500);
/// A keyframe that has begun is given this long to arrive in full.
const ARRIVING: Duration = Duration::from_secs(1);

/// Whether a decoder of the slot could go on now.
#[derive(Debug, Default)]
pub(super) struct Keyframes {
    wish: Wish,
    last_request: Option<Instant>,
}

#[derive(Debug, Default)]
enum Wish {
    #[default]
    None,
    /// One is needed, from this moment on.
    From(Instant),
}

impl Keyframes {
    /// Nothing can be decoded until there is one.
    pub(super) fn want(&mut self, now: Instant) {
        if matches!(self.wish, Wish::None) {
            self.wish = Wish::From(now);
        }
    }

    /// The first packet of one is here; the rest needs a moment.
    pub(super) fn on_begun(&mut self, now: Instant) {
        if let Wish::From(at) = &mut self.wish {
            *at = (*at).max(now + ARRIVING);
        }
    }

    /// A whole one is here.
    pub(super) fn on_complete(&mut self) {
        self.wish = Wish::None;
    }

    /// When [`Self::is_due`] will say yes.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.wish {
            Wish::None => None,
            Wish::From(at) => Some(self.last_request.map_or(at, |last| at.max(last + INTERVAL))),
        }
    }

    /// Whether to send a request now; counts as sending it.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let due = self.deadline().is_some_and(|deadline| deadline <= now);
        if due {
            self.last_request = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_at_once_then_every_half_second_until_one_is_complete() {
        let start = Instant::now();
        let mut keyframes = Keyframes::default();
        assert_eq!(keyframes.deadline(), None);
        keyframes.want(start);
        let at = |ms| start + Duration::from_millis(ms);
        let asked: Vec<_> = (0..1_200)
            .step_by(100)
            .filter(|ms| keyframes.is_due(at(*ms)))
            .collect();
        assert_eq!(asked, [0, 500, 1_000]);
        keyframes.on_complete();
        assert_eq!(keyframes.deadline(), None);
        // A new loss right afterwards still keeps the distance.
        keyframes.want(at(1_100));
        assert_eq!(keyframes.deadline(), Some(at(1_500)));
    }

    #[test]
    fn waits_for_one_that_is_arriving() {
        let start = Instant::now();
        let mut keyframes = Keyframes::default();
        keyframes.want(start);
        keyframes.on_begun(start);
        assert!(!keyframes.is_due(start + Duration::from_millis(999)));
        assert!(keyframes.is_due(start + ARRIVING));
    }
}
