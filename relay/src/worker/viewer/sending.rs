//! What a slot sends: packets as they come, what it is behind with, and recent ones once more.

use congestion::estimate::Estimate;
use relay_core::packet::Packet;
use relay_core::slot::Verdict;

use super::exit::Exit;
use super::filled::Filled;
use super::lag::Lag;
use super::line::Line;
use crate::worker::egress::Outlet;
use crate::worker::track::{Track, Tracks};

/// What is counted while packets are sent.
#[derive(Default)]
pub struct Tally {
    pub sent: u64,
    pub bytes: u64,
    pub unsupported: u64,
    pub needs_keyframe: bool,
    pub gave_up: bool,
}

impl Tally {
    /// Adds it to what is counted for the slot, the line and the worker.
    pub fn close<O>(&self, filled: &mut Filled, line: &mut Line, exit: &Exit<'_, O>) {
        filled.budget.sent(self.sent);
        line.packets += self.sent;
        line.bytes += self.bytes;
        if filled.class.is_none() {
            line.sound += self.bytes;
        }
        exit.counters.sent_packets.add(self.sent);
        exit.counters.sent_bytes.add(self.bytes);
        if self.unsupported > 0 {
            exit.counters.unsupported_packets.add(self.unsupported);
        }
    }
}

impl Filled {
    /// Whether a decoder starts with this packet what the slot waits for, or goes over to.
    pub fn begins(&self, packet: &Packet) -> bool {
        packet.keyframe && self.slot.needs_keyframe() && self.slot.aimed() == Some(packet.layer)
    }

    /// Whether the slot goes over from what it is behind with to another layer.
    fn leaves(&self, lag: Lag) -> bool {
        let showing = self.slot.showing();
        self.slot.needs_keyframe() && showing.is_some_and(|showing| showing.space == lag.space)
    }

    /// Whether the packet is one to wait with: what comes late, or could not be shown anyhow, is not.
    pub fn is_next(&self, packet: &Packet) -> bool {
        self.begins(packet) || self.slot.is_ahead(packet)
    }

    /// Sends a packet if the slot takes it. Returns its length.
    pub fn take(
        &mut self,
        packet: &Packet,
        track: &Track,
        estimate: &mut Estimate,
        exit: &mut Exit<'_, impl Outlet>,
        tally: &mut Tally,
    ) -> usize {
        let Some(payload_type) = self.payload_type(packet.payload_type) else {
            tally.unsupported += 1;
            return 0;
        };
        let clock_rate = self.clock_rate();
        let align = |space, packet: &Packet| track.align(space, packet, clock_rate);
        match self.slot.forward(packet, payload_type, align) {
            Verdict::Skip => 0,
            Verdict::NeedsKeyframe => {
                tally.needs_keyframe = true;
                0
            }
            Verdict::Forward(outgoing) => {
                match self.send(packet, outgoing, track, estimate, exit) {
                    None => 0,
                    Some(len) => {
                        if packet.keyframe {
                            self.keyframe_sent = Some(exit.now);
                        }
                        tally.sent += 1;
                        tally.bytes += len as u64;
                        len
                    }
                }
            }
        }
    }

    /// Sends the next packet of what the slot is behind with, or gives up. Returns its length.
    pub fn catch_up(
        &mut self,
        track: &Track,
        estimate: &mut Estimate,
        exit: &mut Exit<'_, impl Outlet>,
        tally: &mut Tally,
    ) -> usize {
        let Some(mut lag) = self.lag else { return 0 };
        let cache = track.cache(lag.space);
        let Some(cache) = cache.filter(|cache| lag.next < cache.end()) else {
            self.lag = None;
            return 0;
        };
        // A gap: its packets are lost, or come late and then go out at once.
        let found = (lag.next..cache.end()).find_map(|sequence| cache.get(sequence));
        let Some(packet) = found else {
            self.lag = None;
            return 0;
        };
        if self.leaves(lag) && lag.is_superseded(exit.now, packet) {
            self.restart();
            return 0;
        }
        let is_start = self.slot.is_between_frames();
        if lag.is_hopeless(exit.now, packet, is_start) {
            self.restart();
            tally.gave_up = true;
            return 0;
        }
        lag.next = packet.sequence + 1;
        self.lag = Some(lag);
        let needed = tally.needs_keyframe;
        let len = self.take(packet, track, estimate, exit, tally);
        if tally.needs_keyframe && !needed {
            self.lag = None;
        }
        len
    }

    /// Sends recent packets once more, as many as `bytes` are. Returns how many bytes that took.
    pub fn repeat(
        &mut self,
        bytes: usize,
        tracks: &Tracks,
        estimate: &mut Estimate,
        exit: &mut Exit<'_, impl Outlet>,
    ) -> usize {
        /// Packets looked at: what is not kept any more is passed over.
        const MAX_BACK: u64 = 64;
        let Some(track) = self.track.as_ref().and_then(|track| tracks.get(&track.key)) else {
            return 0;
        };
        let mut sent = 0;
        for back in (1..=MAX_BACK).cycle().take(2 * MAX_BACK as usize) {
            if sent >= bytes {
                break;
            }
            let Some(lookup) = self.slot.recent(back) else {
                continue;
            };
            let Some(packet) = track.packet(lookup.space, lookup.sequence) else {
                continue;
            };
            sent += self.send_again(packet, lookup, estimate, exit).unwrap_or(0);
        }
        sent
    }
}
