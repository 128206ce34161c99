//! What every slot gets of what the line carries.

use std::time::{Duration, Instant};

use relay_core::allocator::{self, Share, Want};

use super::{Change, Viewer};
use crate::worker::track::Tracks;

/// How long nothing is taken from a viewer that has just come: its line has not shown anything yet.
const GRACE: Duration = Duration::from_secs(3);
/// Time between two decisions.
const REVIEW: Duration = Duration::from_millis(100);

impl Viewer {
    /// Decides again what every slot gets of the line, where that is due. Returns what changed.
    pub fn review(&mut self, now: Instant, tracks: &Tracks) -> Vec<Change> {
        if self.review_at.is_some_and(|at| now < at) {
            return Vec::new();
        }
        self.review_at = Some(now + REVIEW);
        let loss = self.estimate.loss();
        for redundancy in self
            .slots
            .iter_mut()
            .filter_map(|filled| filled.redundancy.as_mut())
        {
            redundancy.follow(loss);
        }
        let pictures: Vec<_> = (0..self.slots.len())
            .filter_map(|at| {
                let filled = &self.slots[at];
                let rates = &tracks.get(&filled.track.as_ref()?.key)?.rates;
                Some((at, filled.class?, rates.clone(), filled.share))
            })
            .filter(|(.., rates, _)| !rates.is_empty())
            .collect();
        let wants: Vec<_> = pictures
            .iter()
            .map(|(_, class, layers, given)| Want {
                class: *class,
                layers,
                given: *given,
            })
            .collect();
        let sound = self.line.sound_rate();
        self.estimate.want(allocator::ideal(&wants) + sound);
        let is_new = self
            .began
            .is_none_or(|began| now.saturating_duration_since(began) < GRACE);
        // What is lost is sent twice.
        let budget = self.estimate.target() as f64 * f64::from(1.0 - self.estimate.loss());
        let budget = (budget as u64).saturating_sub(sound);
        let mut shares = self.allocator.allocate(now, budget, &wants);
        if is_new {
            let lowest = shares
                .iter_mut()
                .zip(&wants)
                .filter(|(share, _)| !matches!(share, Share::Layer(_)));
            for (share, want) in lowest {
                *share = want
                    .layers
                    .first()
                    .map_or(Share::Off, |lowest| Share::Layer(lowest.layer));
            }
        }
        let slots: Vec<_> = pictures.iter().map(|(at, ..)| *at).collect();
        self.give(&slots, &shares)
    }

    fn give(&mut self, slots: &[usize], shares: &[Share]) -> Vec<Change> {
        let mut changes = Vec::new();
        for (at, share) in slots.iter().zip(shares) {
            let filled = &mut self.slots[*at];
            let before = filled.layers();
            filled.give(*share);
            if let (Some(track), Ok(slot)) = (&filled.track, u8::try_from(*at))
                && filled.layers() != before
            {
                changes.push(Change {
                    slot,
                    track: track.key,
                });
            }
        }
        changes
    }
}
