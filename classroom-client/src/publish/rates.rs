//! What each layer of a source takes: of those that the other side takes, what the line has for them.

use std::time::Duration;

use crate::adapt::{Adaptation, Rate};
use crate::source::Encoding;

/// The rates of all layers, the best first.
pub struct Rates {
    encodings: Vec<Encoding>,
    /// The layers that the other side takes, by their places.
    taken: Vec<usize>,
    adaptation: Adaptation,
    rates: Vec<Rate>,
}

/// A layer is told something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    pub layer: usize,
    pub rid: &'static str,
    pub old: Rate,
    pub new: Rate,
}

impl Rates {
    /// Every layer at its best.
    pub fn new(encodings: Vec<Encoding>) -> Self {
        let taken: Vec<_> = (0..encodings.len()).collect();
        let adaptation = adaptation(&encodings, &taken);
        Self {
            rates: adaptation.rates().to_vec(),
            encodings,
            taken,
            adaptation,
        }
    }

    /// What a line has to carry, bits per second, so that every layer is at its best.
    pub fn wanted(&self) -> u64 {
        self.adaptation.wanted()
    }

    /// The other side takes these layers. The others rest.
    pub fn take(&mut self, taken: Vec<usize>) -> Vec<Change> {
        if taken == self.taken {
            return Vec::new();
        }
        self.adaptation = adaptation(&self.encodings, &taken);
        self.taken = taken;
        self.changes()
    }

    /// The line carries `target` bits per second at `now`, as [`Adaptation::follow`] has it.
    pub fn follow(&mut self, now: Duration, target: u64) -> Vec<Change> {
        if self.adaptation.follow(now, target) {
            self.changes()
        } else {
            Vec::new()
        }
    }

    /// What a layer takes now.
    pub fn of(&self, layer: usize) -> Option<Rate> {
        self.rates.get(layer).copied()
    }

    /// The layers' names, and what they take now.
    pub fn layers(&self) -> impl Iterator<Item = (&'static str, Rate)> {
        let layers = self.encodings.iter().zip(&self.rates);
        layers.map(|(encoding, rate)| (encoding.rid, *rate))
    }

    fn changes(&mut self) -> Vec<Change> {
        let mut now = vec![Rate::Rest; self.rates.len()];
        for (layer, rate) in self.taken.iter().zip(self.adaptation.rates()) {
            if let Some(now) = now.get_mut(*layer) {
                *now = *rate;
            }
        }
        let before = std::mem::replace(&mut self.rates, now);
        let rates = before.into_iter().zip(self.layers()).enumerate();
        rates
            .filter(|(_, (old, (_, new)))| old != new)
            .map(|(layer, (old, (rid, new)))| Change {
                layer,
                rid,
                old,
                new,
            })
            .collect()
    }
}

fn adaptation(encodings: &[Encoding], taken: &[usize]) -> Adaptation {
    let taken = taken.iter().filter_map(|layer| encodings.get(*layer));
    Adaptation::new(taken.map(|encoding| encoding.needs).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapt::Needs;

    fn rates() -> Rates {
        let layer = |rid, nominal| Encoding {
            rid,
            needs: Needs {
                nominal,
                least: nominal / 2,
            },
        };
        Rates::new(vec![layer("h", 2_000_000), layer("l", 400_000)])
    }

    fn told(changes: &[Change]) -> Vec<(&'static str, Rate)> {
        let changes = changes.iter();
        changes.map(|change| (change.rid, change.new)).collect()
    }

    #[test]
    fn what_the_other_side_does_not_take_rests_and_the_rest_is_all_there_is() {
        let mut rates = rates();
        assert!(rates.take(vec![0, 1]).is_empty());
        assert_eq!(told(&rates.take(vec![0])), [("l", Rate::Rest)]);
        // The only layer goes on, however little the line carries.
        let low = rates.follow(Duration::ZERO, 500_000);
        assert_eq!(told(&low), [("h", Rate::Bits(370_000))]);
        assert_eq!(rates.of(1), Some(Rate::Rest));
        let again = rates.take(vec![0, 1]);
        assert_eq!(
            told(&again),
            [("h", Rate::Bits(2_000_000)), ("l", Rate::Bits(400_000))]
        );
    }

    #[test]
    fn a_narrow_line_changes_what_it_must() {
        let mut rates = rates();
        let changes = rates.follow(Duration::ZERO, 1_000_000);
        assert_eq!(told(&changes), [("h", Rate::Rest)]);
        assert!(rates.follow(Duration::ZERO, 1_000_000).is_empty());
        let layers: Vec<_> = rates.layers().collect();
        assert_eq!(layers, [("h", Rate::Rest), ("l", Rate::Bits(400_000))]);
    }
}
