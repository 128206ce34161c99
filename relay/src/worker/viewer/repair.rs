//! What a viewer asks for again.

use std::time::Duration;

use relay_core::slot::Lookup;

use super::Viewer;
use super::exit::Exit;
use super::filled::Filled;
use crate::worker::egress::Outlet;
use crate::worker::track::Tracks;

/// How far repair may go ahead of its turn: what is asked for on a line that has just become narrow would fill it for seconds.
const MAX_DEBT: Duration = Duration::from_millis(100);

impl Viewer {
    /// Answers a NACK from the cache.
    pub fn resend(
        &mut self,
        ssrc: u32,
        missing: &[u16],
        tracks: &Tracks,
        exit: &mut Exit<'_, impl Outlet>,
    ) {
        let pace = self.pace(exit.now);
        self.pacer.refill(exit.now, pace);
        let lags = self.slots.iter().any(|filled| filled.lag.is_some());
        let Some(filled) = self.slots.iter_mut().find(|filled| filled.ssrc == ssrc) else {
            return;
        };
        let (mut resent, mut withheld) = (0, 0);
        // Packets of a former source are looked up where they came from as long as that track lives.
        let track = (filled.track.as_ref()).and_then(|track| tracks.get(&track.key));
        for sequence_number in missing {
            let Some(lookup) = filled.slot.resend(exit.now, *sequence_number) else {
                continue;
            };
            let found = track.and_then(|track| track.packet(lookup.space, lookup.sequence));
            let Some(packet) = found else {
                continue;
            };
            for _ in 0..lookup.copies {
                let is_late = filled.class.is_some() && self.pacer.is_overdrawn(pace, MAX_DEBT);
                if is_late || !filled.is_worth(&lookup, lags) || !filled.budget.spend() {
                    withheld += 1;
                    continue;
                }
                let len = filled.send_again(packet, lookup, &mut self.estimate, exit);
                self.pacer.spend(len.unwrap_or(0));
                resent += u64::from(len.is_some());
            }
        }
        exit.buffer.flush(exit.to, exit.outlet);
        self.line.resent += resent;
        exit.counters.nacks_received.add(missing.len() as u64);
        exit.counters.resent_packets.add(resent);
        exit.counters.withheld_packets.add(withheld);
    }
}

impl Filled {
    /// Whether a repetition is any use. `lags` tells that other packets wait for the line.
    fn is_worth(&self, lookup: &Lookup, lags: bool) -> bool {
        if (self.redundancy).is_some_and(|redundancy| !redundancy.allows_repeats()) {
            return false;
        }
        // A keyframe makes up, or has made up, for what is missing of a layer that the slot leaves or has left.
        let showing = self.slot.showing();
        let is_former = self.slot.needs_keyframe()
            || showing.is_some_and(|showing| showing.space != lookup.space);
        !(lags && is_former)
    }
}
