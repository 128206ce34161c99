//! Which layer each slot of a viewer gets of what its line carries.
//!
//! Sound is never weighed. What is left goes first to the lowest layer of everything, in the order of priority, and then to higher
//! layers in the same order: a sharp page is of no use without the teacher's face, and a large face not before the page moves.
//! The first of them is never without a picture: it gives up frames.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

/// What a slot shows, in the order in which a short line serves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Pages, boards.
    Courseware,
    /// The teacher.
    Camera,
    /// Rooms on the stage.
    Stage,
    /// Small pictures for an overview.
    Thumbnail,
}

/// A layer and what it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerRate {
    /// Which layer of its track.
    pub layer: u8,
    /// Bit/s, repair not included.
    pub bitrate: u64,
}

/// A slot that shows a picture.
#[derive(Debug, Clone, Copy)]
pub struct Want<'a> {
    /// Its priority.
    pub class: Class,
    /// The layers there are, the one with the lowest rate first.
    pub layers: &'a [LayerRate],
    /// What was given last.
    pub given: Share,
}

/// What a slot is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// Nothing for now.
    Off,
    /// This layer.
    Layer(u8),
    /// This layer as far as so many bit/s carry it, by leaving frames out.
    Squeezed(u8, u64),
}

impl Share {
    /// The layer that is sent.
    pub fn layer(self) -> Option<u8> {
        match self {
            Share::Off => None,
            Share::Layer(layer) | Share::Squeezed(layer, _) => Some(layer),
        }
    }
}

/// How much more than it needs a higher layer must find before it is given: rates waver.
const HEADROOM_PERCENT: u64 = 110;
/// How much a line may be exceeded before something is taken away.
const TOLERANCE_PERCENT: u64 = 95;
/// How much more than what is left a lowest layer may take: there is nothing smaller, and estimates waver too.
const LENIENCE_PERCENT: u64 = 125;
/// How long nothing higher is given after something was taken away; doubles up to [`MAX_HOLD`] when it is taken away again soon.
const MIN_HOLD: Duration = Duration::from_secs(2);
const MAX_HOLD: Duration = Duration::from_secs(20);
/// What was given and is taken away within this time was a mistake.
const REGRET: Duration = Duration::from_secs(10);

/// One viewer's decisions over time.
#[derive(Debug)]
pub struct Allocator {
    hold: Duration,
    held_until: Option<Instant>,
    raised: Option<Instant>,
}

impl Default for Allocator {
    fn default() -> Self {
        Self {
            hold: MIN_HOLD,
            held_until: None,
            raised: None,
        }
    }
}

/// What everybody together would take at the top, with headroom: what an estimate need not exceed.
pub fn ideal(wants: &[Want<'_>]) -> u64 {
    let top = |want: &Want<'_>| want.layers.last().map_or(0, |top| top.bitrate);
    wants.iter().map(top).sum::<u64>() * HEADROOM_PERCENT / 100
}

impl Allocator {
    /// Shares `budget` bit/s, sound already taken off, among the slots; `wants` are in the order of the slots.
    pub fn allocate(&mut self, now: Instant, budget: u64, wants: &[Want<'_>]) -> Vec<Share> {
        let kept = share(budget * 100 / TOLERANCE_PERCENT, wants, &|want| want.given);
        if kept
            .iter()
            .zip(wants)
            .any(|(share, want)| is_less(*share, want))
        {
            self.note_fall(now);
            return kept;
        }
        if self.held_until.is_some_and(|until| now < until) {
            return kept;
        }
        let raised = share(budget * 100 / HEADROOM_PERCENT, wants, &|want| {
            Share::Layer(want.layers.last().map_or(0, |top| top.layer))
        });
        let is_raise =
            |(raised, want): (&Share, &Want<'_>)| rate(*raised, want) > rate(want.given, want);
        if !raised.iter().zip(wants).any(is_raise) || total(&raised, wants) <= total(&kept, wants) {
            return kept;
        }
        self.raised = Some(now);
        raised
    }

    fn note_fall(&mut self, now: Instant) {
        // What was never raised is only on its way to what the line carries.
        let Some(raised) = self.raised.take() else {
            return;
        };
        self.hold = match now.saturating_duration_since(raised) < REGRET {
            true => (self.hold * 2).min(MAX_HOLD),
            false => MIN_HOLD,
        };
        self.held_until = Some(now + self.hold);
    }
}

/// Gives every slot its lowest layer and then more, in the order of priority, but never more than `limit` says.
fn share(budget: u64, wants: &[Want<'_>], limit: &dyn Fn(&Want<'_>) -> Share) -> Vec<Share> {
    let mut left = budget;
    let mut order: Vec<usize> = (0..wants.len()).collect();
    order.sort_by_key(|at| wants[*at].class);
    let mut shares = vec![Share::Off; wants.len()];
    for at in &order {
        let want = &wants[*at];
        let Some(lowest) = want.layers.first().filter(|_| limit(want) != Share::Off) else {
            continue;
        };
        if lowest.bitrate * 100 <= left * LENIENCE_PERCENT {
            left = left.saturating_sub(lowest.bitrate);
            shares[*at] = Share::Layer(lowest.layer);
        } else if Some(at) == order.first() {
            shares[*at] = Share::Squeezed(lowest.layer, left);
            left = 0;
        }
    }
    for at in &order {
        let want = &wants[*at];
        let Share::Layer(_) = shares[*at] else {
            continue;
        };
        let base = rate(shares[*at], want);
        let most = rate(limit(want), want);
        let higher = want.layers.iter().rev();
        let fits = |layer: &&LayerRate| {
            layer.bitrate <= most && layer.bitrate - base.min(layer.bitrate) <= left
        };
        if let Some(layer) = higher.clone().find(fits) {
            left -= layer.bitrate.saturating_sub(base);
            shares[*at] = Share::Layer(layer.layer);
        }
    }
    shares
}

/// What a share takes of what its slot wants; a layer that is not there any more takes nothing.
fn rate(share: Share, want: &Want<'_>) -> u64 {
    let of = |layer: u8| {
        let found = want.layers.iter().find(|other| other.layer == layer);
        found.map_or(0, |found| found.bitrate)
    };
    match share {
        Share::Off => 0,
        Share::Layer(layer) => of(layer),
        Share::Squeezed(layer, bitrate) => of(layer).min(bitrate),
    }
}

fn total(shares: &[Share], wants: &[Want<'_>]) -> u64 {
    shares
        .iter()
        .zip(wants)
        .map(|(share, want)| rate(*share, want))
        .sum()
}

fn is_less(share: Share, want: &Want<'_>) -> bool {
    rate(share, want) < rate(want.given, want)
}
