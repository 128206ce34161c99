//! What each layer may take of a line, told the time: the least layer first.

use std::time::Duration;

/// Of what a line carries, the part that pictures may take. The rest is headers, and room for pictures that come out larger
/// than asked for.
const PART: f64 = 0.9;
/// Sound and what goes around it, bits per second.
const SOUND: f64 = 80_000.0;
/// A layer comes back when the line could carry this many times the least of it,
const HEADROOM: f64 = 1.2;
/// for so long at a stretch.
const PATIENCE: Duration = Duration::from_secs(5);
/// A layer that had to rest again so soon came back too early: the next time takes twice the patience, up to
const TOO_SOON: Duration = Duration::from_secs(15);
/// this long.
const MOST_PATIENCE: Duration = Duration::from_secs(40);
/// What the least layer is made of when it comes to the worst, bits per second, if it can be changed.
const WORST: u32 = 150_000;
/// Smaller changes of a rate are not worth an encoder's trouble.
const STEP: f64 = 0.05;

/// What a layer takes, bits per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// At its best.
    pub nominal: u32,
    /// So that it is worth having. The least layer is worth having at any rate.
    pub least: u32,
}

/// What a layer is told to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// Nothing: it is not sent.
    Rest,
    /// So many bits per second.
    Bits(u32),
}

/// The rates of the layers of one source, the best first.
#[derive(Debug)]
pub struct Adaptation {
    needs: Vec<Needs>,
    rates: Vec<Rate>,
    /// How many layers are sent, counted from the least.
    sent: usize,
    /// Since when the line could carry one more.
    room_since: Option<Duration>,
    returned: Option<Duration>,
    patience: Duration,
}

impl Adaptation {
    /// All layers are sent at their best until something is known of the line.
    pub fn new(mut needs: Vec<Needs>) -> Self {
        if let Some(last) = needs.last_mut()
            && last.least < last.nominal
        {
            last.least = last.least.min(WORST);
        }
        Self {
            rates: needs
                .iter()
                .map(|needs| Rate::Bits(needs.nominal))
                .collect(),
            sent: needs.len(),
            needs,
            room_since: None,
            returned: None,
            patience: PATIENCE,
        }
    }

    /// What a line has to carry, bits per second, so that every layer is at its best.
    pub fn wanted(&self) -> u64 {
        ((self.below(self.needs.len()) + SOUND) / PART).ceil() as u64
    }

    /// What each layer takes now.
    pub fn rates(&self) -> &[Rate] {
        &self.rates
    }

    /// The line carries `target` bits per second at `now`, on a clock that starts anywhere. To be told whenever that changes, and
    /// every second or so. Returns whether a rate has changed.
    pub fn follow(&mut self, now: Duration, target: u64) -> bool {
        if self.needs.is_empty() {
            return false;
        }
        let room = (target as f64 * PART - SOUND).max(0.0);
        self.shed(now, room);
        self.add(now, room);
        self.share(room)
    }

    /// Lets layers rest that the line does not carry, at once.
    fn shed(&mut self, now: Duration, room: f64) {
        // A bit less is a matter of rounding.
        while self.sent > 1 && room + 1.0 < self.below(self.sent - 1) + f64::from(self.top().least)
        {
            self.sent -= 1;
            self.room_since = None;
            if let Some(returned) = self.returned.take() {
                self.patience = if now.saturating_sub(returned) < TOO_SOON {
                    (self.patience * 2).min(MOST_PATIENCE)
                } else {
                    PATIENCE
                };
            }
        }
    }

    /// Lets a layer come back that the line has been able to carry for a while.
    fn add(&mut self, now: Duration, room: f64) {
        let Some(next) = self.needs.iter().rev().nth(self.sent) else {
            return;
        };
        if room < self.below(self.sent) + f64::from(next.least) * HEADROOM {
            self.room_since = None;
            return;
        }
        let since = *self.room_since.get_or_insert(now);
        if now.saturating_sub(since) >= self.patience {
            self.sent += 1;
            self.room_since = None;
            self.returned = Some(now);
        }
    }

    /// Gives the best layer that is sent what the others leave of the line.
    fn share(&mut self, room: f64) -> bool {
        let top = self.needs.len() - self.sent;
        let left = room - self.below(self.sent - 1);
        let mut changed = false;
        for (index, (needs, rate)) in self.needs.iter().zip(&mut self.rates).enumerate() {
            let new = match index {
                index if index < top => Rate::Rest,
                index if index == top => {
                    let (least, most) = (f64::from(needs.least), f64::from(needs.nominal));
                    Rate::Bits(left.min(most).max(least) as u32)
                }
                _ => Rate::Bits(needs.nominal),
            };
            if differs(*rate, new) {
                *rate = new;
                changed = true;
            }
        }
        changed
    }

    /// The best layer that is sent.
    fn top(&self) -> Needs {
        self.needs[self.needs.len() - self.sent]
    }

    /// What the `count` least layers take at their best.
    fn below(&self, count: usize) -> f64 {
        let least = self.needs.iter().rev().take(count);
        least.map(|needs| f64::from(needs.nominal)).sum()
    }
}

fn differs(old: Rate, new: Rate) -> bool {
    match (old, new) {
        (Rate::Bits(old), Rate::Bits(new)) => f64::from(old.abs_diff(new)) > f64::from(old) * STEP,
        (old, new) => old != new,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAMERA: [Needs; 3] = [
        Needs {
            nominal: 12_000_000,
            least: 6_000_000,
        },
        Needs {
            nominal: 2_500_000,
            least: 1_250_000,
        },
        Needs {
            nominal: 350_000,
            least: 175_000,
        },
    ];

    /// Bits per second, 0 for a layer that rests.
    fn rates(adaptation: &Adaptation) -> [u32; 3] {
        [0, 1, 2].map(|layer| match adaptation.rates()[layer] {
            Rate::Rest => 0,
            Rate::Bits(bits) => bits,
        })
    }

    fn after(target: u64) -> [u32; 3] {
        let mut adaptation = Adaptation::new(CAMERA.into());
        adaptation.follow(Duration::ZERO, target);
        rates(&adaptation)
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_best_layer_gives_way_first_and_the_least_never_goes() {
        assert_eq!(after(20_000_000), [12_000_000, 2_500_000, 350_000]);
        assert_eq!(after(11_000_000), [6_970_000, 2_500_000, 350_000]);
        assert_eq!(after(9_000_000), [0, 2_500_000, 350_000]);
        assert_eq!(after(2_500_000), [0, 1_820_000, 350_000]);
        assert_eq!(after(1_500_000), [0, 0, 350_000]);
        assert_eq!(after(400_000), [0, 0, 280_000]);
        assert_eq!(after(0), [0, 0, 150_000]);
        assert_eq!(after(u64::MAX), [12_000_000, 2_500_000, 350_000]);
    }

    #[test]
    fn layers_come_back_one_by_one_when_the_line_is_good_for_a_while() {
        let mut adaptation = Adaptation::new(CAMERA.into());
        assert!(adaptation.follow(seconds(0), 1_000_000));
        assert_eq!(rates(&adaptation), [0, 0, 350_000]);
        let mut came = Vec::new();
        for second in 1..=20 {
            if adaptation.follow(seconds(second), 20_000_000) {
                came.push((second, rates(&adaptation)[..2].to_vec()));
            }
        }
        assert_eq!(
            came,
            [(6, vec![0, 2_500_000]), (12, vec![12_000_000, 2_500_000])]
        );
    }

    #[test]
    fn a_line_that_wavers_does_not_make_layers_flap() {
        let mut adaptation = Adaptation::new(CAMERA.into());
        let (mut changes, mut before) = (0, true);
        for second in 0..120 {
            // Enough for the best layer for seven seconds of eight.
            let target = if second % 8 == 7 {
                8_000_000
            } else {
                20_000_000
            };
            adaptation.follow(seconds(second), target);
            let sent = adaptation.rates()[0] != Rate::Rest;
            changes += u32::from(sent != before);
            before = sent;
        }
        assert!(changes <= 5, "{changes}");
        for second in 120..170 {
            adaptation.follow(seconds(second), 20_000_000);
        }
        assert_eq!(rates(&adaptation)[0], 12_000_000, "it is not given up");
    }

    #[test]
    fn small_changes_are_left_alone() {
        let mut adaptation = Adaptation::new(CAMERA.into());
        assert!(adaptation.follow(seconds(0), 12_000_000));
        assert!(!adaptation.follow(seconds(1), 12_200_000));
        assert!(adaptation.follow(seconds(2), 13_000_000));
        assert_eq!(rates(&adaptation)[0], 8_770_000);
    }

    #[test]
    fn what_cannot_be_changed_is_sent_or_not() {
        let clip = Needs {
            nominal: 5_000_000,
            least: 5_000_000,
        };
        let mut adaptation = Adaptation::new(vec![clip, clip]);
        assert!(!adaptation.follow(seconds(0), 20_000_000));
        assert!(adaptation.follow(seconds(1), 9_000_000));
        assert_eq!(adaptation.rates(), [Rate::Rest, Rate::Bits(5_000_000)]);
        assert!(!adaptation.follow(seconds(2), 1_000_000));
        let mut adaptation = Adaptation::new(vec![clip, clip]);
        let wanted = adaptation.wanted();
        assert!(!adaptation.follow(seconds(0), wanted), "just enough");
        assert!(adaptation.follow(seconds(1), wanted - 10));
        let mut nothing = Adaptation::new(Vec::new());
        assert!(!nothing.follow(seconds(0), 0));
    }
}
