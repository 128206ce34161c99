//! What happened to a seat's line, for the record. Every list is bounded; what no longer fits is counted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use protocol::line::{Outages, Shown, Situation, Slot};
use protocol::record::{LayerChange, Outage, Spell};

use super::wall::{Wall, millis};

/// Most entries of each list. A layer that flaps every five seconds fills it in 40 minutes.
const MOST: usize = 500;

/// Shorter silences are no outages.
const SHORTEST_OUTAGE: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug, Default)]
pub struct History {
    /// Times without a line that are over.
    pub outages: Vec<Outage>,
    /// Layers.
    pub layers: Vec<LayerChange>,
    /// What was the matter.
    pub situations: Vec<Spell>,
    /// Entries that did not fit.
    pub omitted: u64,
    total: Outages,
    shown: BTreeMap<String, Shown>,
}

impl History {
    /// A silence is over. Returns whether it counts as an outage.
    pub fn outage(&mut self, wall: &Wall, from: Instant, lasted: Duration) -> bool {
        if lasted < SHORTEST_OUTAGE {
            return false;
        }
        let lasted_ms = millis(lasted);
        self.total.count = self.total.count.saturating_add(1);
        self.total.total_ms = self.total.total_ms.saturating_add(lasted_ms);
        let outage = Outage {
            from_unix_ms: wall.unix_ms(from),
            lasted_ms,
        };
        push(&mut self.outages, outage, &mut self.omitted);
        true
    }

    /// All outages, with the one that lasts for `present` now.
    pub fn outages(&self, present: Option<Duration>) -> Outages {
        match present.filter(|lasted| *lasted >= SHORTEST_OUTAGE) {
            None => self.total,
            Some(lasted) => Outages {
                count: self.total.count.saturating_add(1),
                total_ms: self.total.total_ms.saturating_add(millis(lasted)),
            },
        }
    }

    /// What the seat is sent at `at`. Only what differs from before is kept.
    pub fn layers(&mut self, wall: &Wall, at: Instant, slots: &[Slot]) {
        let at_unix_ms = wall.unix_ms(at);
        let gone: Vec<_> = self
            .shown
            .keys()
            .filter(|name| !slots.iter().any(|slot| slot.slot == **name))
            .cloned()
            .collect();
        for name in gone {
            self.shown.remove(&name);
            self.layer(at_unix_ms, name, None);
        }
        for slot in slots {
            if self.shown.get(&slot.slot) != Some(&slot.shown) {
                self.shown.insert(slot.slot.clone(), slot.shown);
                self.layer(at_unix_ms, slot.slot.clone(), Some(slot.shown));
            }
        }
    }

    /// What is the matter from `at` on. Changes of degree are not kept.
    pub fn situation(&mut self, wall: &Wall, at: Instant, situation: Situation) {
        let last = self.situations.last().map(|spell| spell.situation.kind());
        if last != Some(situation.kind()) {
            let spell = Spell {
                from_unix_ms: wall.unix_ms(at),
                situation,
            };
            push(&mut self.situations, spell, &mut self.omitted);
        }
    }

    fn layer(&mut self, at_unix_ms: u64, slot: String, shown: Option<Shown>) {
        let change = LayerChange {
            at_unix_ms,
            slot,
            shown,
        };
        push(&mut self.layers, change, &mut self.omitted);
    }
}

fn push<T>(list: &mut Vec<T>, entry: T, omitted: &mut u64) {
    if list.len() < MOST {
        list.push(entry);
    } else {
        *omitted += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn slot(slot: &str, layer: u8) -> Slot {
        Slot {
            slot: slot.into(),
            shown: Shown::Layer { layer, layers: 3 },
        }
    }

    #[test]
    fn a_layer_is_kept_when_it_changes_and_when_its_slot_empties() {
        let now = Instant::now();
        let wall = Wall::new(now, UNIX_EPOCH);
        let mut history = History::default();
        for (second, slots) in [
            (0, vec![slot("camera", 0)]),
            (1, vec![slot("camera", 0)]),
            (2, vec![slot("camera", 2), slot("courseware", 1)]),
            (3, vec![slot("courseware", 1)]),
        ] {
            history.layers(&wall, now + Duration::from_secs(second), &slots);
        }
        let told: Vec<_> = history
            .layers
            .iter()
            .map(|change| (change.at_unix_ms, change.slot.as_str(), change.shown))
            .collect();
        let layer = |layer| Some(Shown::Layer { layer, layers: 3 });
        assert_eq!(
            told,
            [
                (0, "camera", layer(0)),
                (2_000, "camera", layer(2)),
                (2_000, "courseware", layer(1)),
                (3_000, "camera", None),
            ]
        );
    }

    #[test]
    fn lists_do_not_grow_without_bound() {
        let now = Instant::now();
        let wall = Wall::new(now, UNIX_EPOCH);
        let mut history = History::default();
        for second in 0..2_000 {
            let at = now + Duration::from_secs(second);
            history.layers(&wall, at, &[slot("camera", (second % 2) as u8)]);
            history.outage(&wall, at, Duration::from_secs(2));
        }
        assert_eq!((history.layers.len(), history.outages.len()), (MOST, MOST));
        assert_eq!(history.omitted, 3_000);
        assert_eq!(history.outages(None).count, 2_000, "the sums go on");
    }

    #[test]
    fn a_short_silence_is_no_outage() {
        let now = Instant::now();
        let wall = Wall::new(now, UNIX_EPOCH);
        let mut history = History::default();
        assert!(!history.outage(&wall, now, Duration::from_millis(999)));
        assert!(history.outage(&wall, now, Duration::from_millis(1_000)));
        let sum = history.outages(Some(Duration::from_secs(3)));
        assert_eq!((sum.count, sum.total_ms), (2, 4_000));
    }
}
