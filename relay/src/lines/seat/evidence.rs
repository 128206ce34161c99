//! What is known of a seat's line, gathered for the judge.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use protocol::line::Slot;
use relay_core::key::SessionKey;
use relay_core::line::Hop;

use super::{PLAYED_RECENTLY, Seat};
use crate::lines::direction::Carrier;
use crate::lines::judge::{Evidence, Receiving, School};
use crate::lines::recent::Sum;

/// How long it takes until the layers a room is sent are those that its line carries.
const SETTLES_AFTER: Duration = Duration::from_secs(15);
/// How long it is said that the line is back.
const RESTORED_FOR: Duration = Duration::from_secs(10);

impl Seat {
    /// Everything that bears on how the line is at `now`. `cut` is how long nothing has been heard, `sources` what others publish.
    pub(super) fn evidence<'a>(
        &self,
        now: Instant,
        pictures: &'a [Slot],
        sources: &HashMap<SessionKey, School>,
        cut: Option<Duration>,
        overloaded: bool,
    ) -> Evidence<'a> {
        let restored = self.restored;
        let restored = restored.filter(|(at, _)| now.saturating_duration_since(*at) < RESTORED_FOR);
        let carriers = self.carriers(now).filter_map(Carrier::last);
        let downlink = self.downlink.as_ref();
        Evidence {
            cut,
            restored: restored.map(|(_, lasted)| lasted),
            overloaded,
            downlink: downlink
                .and_then(|direction| direction.carrier(now))
                .map(|carrier| self.receiving(now, carrier, pictures)),
            uplink: worst(
                self.uplinks
                    .values()
                    .filter_map(|direction| direction.carrier(now))
                    .map(|carrier| sum(now, carrier)),
            ),
            school: self.school(now, sources),
            round_trip: carriers
                .filter_map(|last| last.round_trip)
                .max()
                .unwrap_or_default(),
        }
    }

    fn receiving<'a>(&self, now: Instant, carrier: &Carrier, slots: &'a [Slot]) -> Receiving<'a> {
        let played = self.played_recently(now);
        let lost = played.map_or(0, |played| played.packets_lost);
        let measured = sum(now, carrier);
        let connected = carrier.connected().unwrap_or(now);
        Receiving {
            sum: Sum {
                unrepaired: measured.unrepaired.max(lost),
                ..measured
            },
            frozen: played
                .map(|played| played.freeze_ms as f64 / PLAYED_RECENTLY.as_millis() as f64),
            estimate: carrier.last().and_then(|last| last.estimate),
            slots,
            is_settled: now.saturating_duration_since(connected) >= SETTLES_AFTER,
        }
    }

    /// The sources that this seat is shown, except its own.
    fn school(&self, now: Instant, sources: &HashMap<SessionKey, School>) -> School {
        let carrier = self.downlink.as_ref().and_then(|d| d.carrier(now));
        let Some(Hop::Downlink { slots }) = carrier.and_then(Carrier::last).map(|last| &last.hop)
        else {
            return School::default();
        };
        let own: Vec<_> = self.sources(now).map(|(session, _)| session).collect();
        let shown = slots
            .iter()
            .filter_map(|slot| slot.track)
            .map(|track| track.session)
            .filter(|session| !own.contains(session))
            .filter_map(|session| sources.get(&session));
        School {
            cut: shown.clone().filter_map(|source| source.cut).max(),
            sum: worst(shown.map(|source| source.sum)),
        }
    }
}

/// What a session amounted to lately. One that is not heard, while others of the seat are, has lost everything.
fn sum(now: Instant, carrier: &Carrier) -> Sum {
    let sum = carrier.sum(now);
    if carrier.is_silent(now) {
        let packets = sum.packets.max(100);
        Sum {
            packets,
            lost: packets,
            unrepaired: packets,
            ..sum
        }
    } else {
        sum
    }
}

fn worst(sums: impl Iterator<Item = Sum>) -> Sum {
    let badness = |sum: &Sum| (sum.unrepaired_percent(), sum.loss_percent());
    sums.max_by(|a, b| {
        badness(a)
            .partial_cmp(&badness(b))
            .unwrap_or(std::cmp::Ordering::Equal)
    })
    .unwrap_or_default()
}
