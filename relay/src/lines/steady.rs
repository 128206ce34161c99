//! Keeps a sentence from flapping: what is the matter has to hold for a while before it is told, and to be gone for a while before
//! it is taken back.

use std::time::{Duration, Instant};

use protocol::line::Situation;

/// How long something has to be the matter before it is told.
const APPEARS_AFTER: Duration = Duration::from_secs(2);
/// How long it has to be gone before it is taken back.
const DISAPPEARS_AFTER: Duration = Duration::from_secs(5);

/// How long a number stays that has moved by little.
const CALM: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug)]
pub struct Steady {
    told: Situation,
    /// When its numbers were taken.
    numbers: Option<Instant>,
    /// When what is told was last found.
    held: Option<Instant>,
    /// What is found instead, and since when.
    instead: Option<(Situation, Instant)>,
}

impl Default for Steady {
    fn default() -> Self {
        Self {
            told: Situation::Good,
            numbers: None,
            held: None,
            instead: None,
        }
    }
}

impl Steady {
    /// What to tell after `found` at `now`.
    pub fn observe(&mut self, now: Instant, found: Situation) -> Situation {
        if found.kind() == self.told.kind() {
            let is_new = |at| now.saturating_duration_since(at) < CALM;
            if has_moved(self.told, found) || !self.numbers.is_some_and(is_new) {
                self.told = found;
                self.numbers = Some(now);
            }
            self.held = Some(now);
            self.instead = None;
            return self.told;
        }
        let since = match self.instead {
            Some((instead, since)) if instead.kind() == found.kind() => since,
            _ => now,
        };
        self.instead = Some((found, since));
        let lasts = now.saturating_duration_since(since);
        let gone = self
            .held
            .map_or(Duration::MAX, |held| now.saturating_duration_since(held));
        let worse = rank(found) > rank(self.told);
        let due = is_certain(found)
            || is_certain(self.told)
            || (lasts >= APPEARS_AFTER && (worse || gone >= DISAPPEARS_AFTER));
        if due {
            *self = Self {
                told: found,
                numbers: Some(now),
                held: Some(now),
                instead: None,
            };
        }
        self.told
    }
}

/// A silence is long before it is taken for one, and heard again is heard again: waiting would only delay the news.
fn is_certain(situation: Situation) -> bool {
    matches!(situation, Situation::Down { .. })
}

/// The order in which situations displace each other.
fn rank(situation: Situation) -> u8 {
    match situation {
        Situation::Good => 0,
        Situation::Restored { .. } => 1,
        situation => 2 + situation.grade() as u8,
    }
}

/// Whether the numbers of two situations of one kind differ by more than they waver.
fn has_moved(told: Situation, found: Situation) -> bool {
    match (told, found) {
        (
            Situation::Lossy {
                loss_percent: a, ..
            },
            Situation::Lossy {
                loss_percent: b, ..
            },
        )
        | (
            Situation::LossyUplink {
                loss_percent: a, ..
            },
            Situation::LossyUplink {
                loss_percent: b, ..
            },
        )
        | (Situation::School { loss_percent: a }, Situation::School { loss_percent: b }) => {
            a.abs_diff(b) >= 2
        }
        (
            Situation::Narrow {
                carries_kbps: Some(a),
                ..
            },
            Situation::Narrow {
                carries_kbps: Some(b),
                ..
            },
        )
        | (Situation::Slow { round_trip_ms: a }, Situation::Slow { round_trip_ms: b }) => {
            a.abs_diff(b) > a / 5
        }
        _ => told != found,
    }
}

#[cfg(test)]
mod tests {
    use protocol::line::Remedy;

    use super::*;

    fn lossy(loss_percent: u8) -> Situation {
        Situation::Lossy {
            loss_percent,
            remedy: Remedy::Repaired,
        }
    }

    const NARROW: Situation = Situation::Narrow {
        carries_kbps: None,
        remedy: Remedy::VoiceFirst,
    };

    /// What is told every second when this is found every second.
    fn told(found: &[Situation]) -> Vec<Situation> {
        let start = Instant::now();
        let mut steady = Steady::default();
        found
            .iter()
            .zip(0..)
            .map(|(found, second)| steady.observe(start + Duration::from_secs(second), *found))
            .collect()
    }

    #[test]
    fn a_situation_appears_after_two_seconds_and_goes_after_five() {
        let good = Situation::Good;
        let found = [
            good,
            lossy(5),
            lossy(5),
            lossy(5),
            good,
            good,
            good,
            good,
            good,
            good,
        ];
        let expected = [
            good,
            good,
            good,
            lossy(5),
            lossy(5),
            lossy(5),
            lossy(5),
            lossy(5),
            good,
            good,
        ];
        assert_eq!(told(&found), expected);
    }

    #[test]
    fn what_comes_and_goes_every_second_is_not_told() {
        let found: Vec<_> = (0..60)
            .map(|second| {
                if second % 2 == 0 {
                    lossy(9)
                } else {
                    Situation::Good
                }
            })
            .collect();
        assert!(told(&found).iter().all(|told| *told == Situation::Good));
    }

    #[test]
    fn what_was_told_stays_through_interruptions() {
        let mut found = vec![lossy(9); 3];
        found.extend([Situation::Good, Situation::Good, lossy(9)].repeat(10));
        assert!(told(&found)[2..].iter().all(|told| *told == lossy(9)));
    }

    #[test]
    fn worse_displaces_bad_after_two_seconds_and_bad_comes_back_after_five() {
        let mut found = vec![lossy(9); 3];
        found.extend([NARROW; 3]);
        found.extend([lossy(9); 6]);
        let told = told(&found);
        assert_eq!((told[4], told[5]), (lossy(9), NARROW));
        assert_eq!((told[9], told[10]), (NARROW, lossy(9)));
    }

    #[test]
    fn a_cut_is_told_at_once_and_so_is_its_end() {
        let down = |seconds| Situation::Down { seconds };
        let back = Situation::Restored { seconds: 5 };
        let found = [Situation::Good, down(3), down(4), back, back];
        assert_eq!(told(&found), found);
    }

    #[test]
    fn numbers_follow_when_they_have_moved() {
        let found = [
            lossy(9),
            lossy(9),
            lossy(9),
            lossy(10),
            lossy(8),
            lossy(11),
            lossy(12),
        ];
        let shown: Vec<_> = told(&found)[2..].to_vec();
        assert_eq!(shown, [lossy(9), lossy(9), lossy(9), lossy(11), lossy(11)]);
    }
}
