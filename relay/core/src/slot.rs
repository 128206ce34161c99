//! One m-line of a viewer: whoever fills it, the viewer sees one unbroken sequence of packets.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::key::Kind;
use crate::packet::{Packet, Space};
use crate::report::ticks;

/// How many former sources a retransmission can still be asked of.
const EPOCHS: usize = 4;
/// A jump in the source's numbers that a viewer's SRTP could mistake for a wrap (RFC 3711 §3.3.1 allows 2¹⁵).
const MAX_JUMP: u64 = 1 << 14;
/// Times one packet is sent again.
const MAX_RESENDS: u8 = 8;
/// Shortest time between two sendings of one packet.
const RESEND_INTERVAL: Duration = Duration::from_millis(15);

/// A slot's rewriting state.
#[derive(Debug)]
pub struct Slot {
    kind: Kind,
    clock_rate: u32,
    source: Source,
    epochs: VecDeque<Epoch>,
    /// One past the highest sequence number sent.
    next: u64,
    last: Option<(Instant, u32)>,
    resends: Option<Box<[Option<Resend>]>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// Nothing is shown.
    Empty,
    /// Something is to be shown, from its next keyframe on.
    Waiting,
    /// The newest epoch is being shown.
    Flowing,
}

/// A run of packets of one source under one offset.
#[derive(Debug, Clone, Copy)]
struct Epoch {
    space: Space,
    first_in: u64,
    first_out: u64,
    timestamp_offset: u32,
    payload_type: u8,
}

/// The repeated sendings of one packet.
#[derive(Debug, Clone, Copy)]
struct Resend {
    index: u64,
    latest: Instant,
    count: u8,
}

/// Packets whose resends are remembered: as many as are kept of a layer, so that no two of them share a place.
fn resend_memory(kind: Kind) -> usize {
    match kind {
        Kind::Video => 2_048,
        Kind::Audio => 256,
    }
}

/// How a packet goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outgoing {
    /// 48-bit packet index: roll-over counter and sequence number.
    pub index: u64,
    /// Rewritten timestamp.
    pub timestamp: u32,
    /// The viewer's payload type.
    pub payload_type: u8,
}

impl Outgoing {
    /// The sequence number on the wire.
    pub fn sequence_number(&self) -> u16 {
        self.index as u16
    }

    /// SRTP's roll-over counter (RFC 3711 §3.3.1).
    pub fn rollover(&self) -> u32 {
        (self.index >> 16) as u32
    }
}

/// What becomes of a packet in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is sent.
    Forward(Outgoing),
    /// It is not: the slot can only start at a keyframe.
    NeedsKeyframe,
    /// It is not: it precedes what the slot shows.
    Skip,
}

/// A packet a viewer misses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lookup {
    /// Where to find it.
    pub space: Space,
    /// Its number there.
    pub sequence: u64,
    index: u64,
    timestamp_offset: u32,
    payload_type: u8,
}

impl Slot {
    /// `first` is the first sequence number. It should be random and below 2¹⁵, so that an early loss cannot hide a wrap (RFC 3711 §3.3.1).
    pub fn new(kind: Kind, clock_rate: u32, first: u16) -> Self {
        Self {
            kind,
            clock_rate,
            source: Source::Empty,
            epochs: VecDeque::with_capacity(EPOCHS),
            next: u64::from(first & 0x7FFF),
            last: None,
            resends: None,
        }
    }

    /// Shows something new from its next keyframe on.
    pub fn fill(&mut self) {
        self.source = Source::Waiting;
    }

    /// Shows nothing.
    pub fn clear(&mut self) {
        self.source = Source::Empty;
    }

    /// Whether the slot waits for a keyframe.
    pub fn is_waiting(&self) -> bool {
        self.source == Source::Waiting && self.kind == Kind::Video
    }

    /// Decides on the next packet of what fills the slot; `payload_type` is the viewer's for the packet's codec.
    pub fn forward(&mut self, packet: &Packet, payload_type: u8) -> Verdict {
        let current = match self.source {
            Source::Empty => return Verdict::Skip,
            Source::Waiting => None,
            Source::Flowing => self
                .epochs
                .back()
                .filter(|epoch| epoch.carries(packet, payload_type, self.next)),
        };
        let epoch = match current {
            Some(epoch) if packet.sequence < epoch.first_in => return Verdict::Skip,
            Some(epoch) => *epoch,
            None if self.kind == Kind::Video && !packet.keyframe => {
                self.source = Source::Waiting;
                return Verdict::NeedsKeyframe;
            }
            None => self.begin(packet, payload_type),
        };
        let outgoing = epoch.outgoing(packet.sequence, packet.timestamp);
        if outgoing.index >= self.next {
            self.next = outgoing.index + 1;
            self.last = Some((packet.arrived, outgoing.timestamp));
        }
        Verdict::Forward(outgoing)
    }

    /// Finds what a viewer asks for by NACK, at most a few times per packet and not faster than it could arrive.
    pub fn resend(&mut self, now: Instant, sequence_number: u16) -> Option<Lookup> {
        let behind = (self.next as u16).wrapping_sub(sequence_number);
        let index = self
            .next
            .checked_sub(u64::from(behind))
            .filter(|_| behind != 0)?;
        let epoch = *self
            .epochs
            .iter()
            .rev()
            .find(|epoch| epoch.first_out <= index)?;
        self.allow_resend(now, index).then(|| Lookup {
            space: epoch.space,
            sequence: epoch.first_in + (index - epoch.first_out),
            index,
            timestamp_offset: epoch.timestamp_offset,
            payload_type: epoch.payload_type,
        })
    }

    /// The slot's timestamp for a timestamp of what it shows, for sender reports. `None` while it shows nothing of `space`.
    pub fn report_timestamp(&self, space: Space, timestamp: u32) -> Option<u32> {
        let epoch = self
            .epochs
            .back()
            .filter(|epoch| self.source == Source::Flowing && epoch.space == space)?;
        Some(timestamp.wrapping_add(epoch.timestamp_offset))
    }

    /// The space that is being shown.
    pub fn showing(&self) -> Option<Space> {
        self.epochs
            .back()
            .filter(|_| self.source == Source::Flowing)
            .map(|epoch| epoch.space)
    }

    fn begin(&mut self, packet: &Packet, payload_type: u8) -> Epoch {
        let timestamp = match self.last {
            None => packet.timestamp,
            // The new source's clock has nothing to do with the old one's: continue by the time that passed, and never stand still.
            Some((at, timestamp)) => {
                let elapsed = packet.arrived.saturating_duration_since(at);
                timestamp.wrapping_add(ticks(elapsed, self.clock_rate).max(1))
            }
        };
        let epoch = Epoch {
            space: packet.space,
            first_in: packet.sequence,
            first_out: self.next,
            timestamp_offset: timestamp.wrapping_sub(packet.timestamp),
            payload_type,
        };
        if self.epochs.len() == EPOCHS {
            self.epochs.pop_front();
        }
        self.epochs.push_back(epoch);
        self.source = Source::Flowing;
        epoch
    }

    fn allow_resend(&mut self, now: Instant, index: u64) -> bool {
        let places = resend_memory(self.kind);
        let memory = self
            .resends
            .get_or_insert_with(|| vec![None; places].into_boxed_slice());
        let place = &mut memory[index as usize % places];
        match place {
            // Going back would forget the newer packet's count, and two that take turns could be had without end.
            Some(resend) if resend.index > index => false,
            Some(resend) if resend.index == index => {
                let since = now.saturating_duration_since(resend.latest);
                let allowed = since >= RESEND_INTERVAL && resend.count < MAX_RESENDS;
                if allowed {
                    resend.latest = now;
                    resend.count += 1;
                }
                allowed
            }
            _ => {
                *place = Some(Resend {
                    index,
                    latest: now,
                    count: 1,
                });
                true
            }
        }
    }
}

impl Epoch {
    fn carries(&self, packet: &Packet, payload_type: u8, next: u64) -> bool {
        let continues =
            packet.sequence < self.first_in || self.index(packet.sequence) < next + MAX_JUMP;
        self.space == packet.space && self.payload_type == payload_type && continues
    }

    fn index(&self, sequence: u64) -> u64 {
        self.first_out + (sequence - self.first_in)
    }

    fn outgoing(&self, sequence: u64, timestamp: u32) -> Outgoing {
        Outgoing {
            index: self.index(sequence),
            timestamp: timestamp.wrapping_add(self.timestamp_offset),
            payload_type: self.payload_type,
        }
    }
}

impl Lookup {
    /// How the found packet went out the first time, so that its retransmission is the same to the byte.
    pub fn outgoing(&self, packet: &Packet) -> Outgoing {
        Outgoing {
            index: self.index,
            timestamp: packet.timestamp.wrapping_add(self.timestamp_offset),
            payload_type: self.payload_type,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Elements;
    use bytes::Bytes;

    fn packet(space: u64, sequence: u64, keyframe: bool, arrived: Instant) -> Packet {
        Packet {
            arrived,
            space: Space(space),
            sequence,
            timestamp: (sequence as u32).wrapping_mul(3_000),
            marker: true,
            payload_type: 96,
            keyframe,
            elements: Elements::default(),
            payload: Bytes::new(),
        }
    }

    fn video() -> Slot {
        let mut slot = Slot::new(Kind::Video, 90_000, 1_000);
        slot.fill();
        slot
    }

    fn sent(verdict: Verdict) -> Outgoing {
        match verdict {
            Verdict::Forward(outgoing) => outgoing,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn video_starts_at_a_keyframe_and_keeps_the_sources_gaps() {
        let now = Instant::now();
        let mut slot = video();
        assert_eq!(
            slot.forward(&packet(1, 70, false, now), 102),
            Verdict::NeedsKeyframe
        );
        assert_eq!(
            sent(slot.forward(&packet(1, 71, true, now), 102)).index,
            1_000
        );
        assert_eq!(
            sent(slot.forward(&packet(1, 73, false, now), 102)).index,
            1_002
        );
        assert_eq!(
            sent(slot.forward(&packet(1, 72, false, now), 102)).index,
            1_001,
            "late, in its place"
        );
        assert_eq!(slot.forward(&packet(1, 70, false, now), 102), Verdict::Skip);
    }

    #[test]
    fn audio_starts_at_once() {
        let mut slot = Slot::new(Kind::Audio, 48_000, 5);
        slot.fill();
        assert_eq!(
            sent(slot.forward(&packet(1, 9, true, Instant::now()), 111)).index,
            5
        );
    }

    #[test]
    fn a_new_source_goes_on_without_a_seam() {
        let now = Instant::now();
        let mut slot = video();
        let before = sent(slot.forward(&packet(1, 71, true, now), 102));
        slot.fill();
        let later = now + Duration::from_millis(100);
        assert_eq!(
            slot.forward(&packet(1, 72, false, later), 102),
            Verdict::NeedsKeyframe
        );
        let after = sent(slot.forward(&packet(2, 5_000_000, true, later), 104));
        assert_eq!(after.index, before.index + 1);
        assert_eq!(after.timestamp, before.timestamp.wrapping_add(9_000));
        assert_eq!(after.payload_type, 104);
    }

    #[test]
    fn another_ssrc_of_the_same_track_waits_for_its_keyframe() {
        let now = Instant::now();
        let mut slot = video();
        slot.forward(&packet(1, 71, true, now), 102);
        assert_eq!(
            slot.forward(&packet(2, 9, false, now), 102),
            Verdict::NeedsKeyframe
        );
        assert!(slot.is_waiting());
        assert_eq!(
            sent(slot.forward(&packet(2, 10, true, now), 102)).index,
            1_001
        );
    }

    #[test]
    fn a_jump_that_srtp_would_mistake_for_a_wrap_is_closed() {
        let now = Instant::now();
        let mut slot = video();
        slot.forward(&packet(1, 71, true, now), 102);
        assert_eq!(
            slot.forward(&packet(1, 71 + 40_000, false, now), 102),
            Verdict::NeedsKeyframe
        );
        assert_eq!(
            sent(slot.forward(&packet(1, 71 + 40_001, true, now), 102)).index,
            1_001
        );
    }

    #[test]
    fn a_retransmission_is_found_under_its_former_source_and_equals_the_first_sending() {
        let now = Instant::now();
        let mut slot = video();
        let lost = packet(1, 71, true, now);
        let first = sent(slot.forward(&lost, 102));
        slot.fill();
        slot.forward(&packet(2, 9, true, now), 104);
        let found = slot.resend(now, first.sequence_number()).unwrap();
        assert_eq!((found.space, found.sequence), (Space(1), 71));
        assert_eq!(found.outgoing(&lost), first);
        assert_eq!(slot.resend(now, 2_000), None, "never sent");
        assert_eq!(slot.resend(now, 999), None, "before the first");
    }

    #[test]
    fn a_flood_of_requests_for_one_packet_is_bounded() {
        let start = Instant::now();
        let mut slot = video();
        slot.forward(&packet(1, 71, true, start), 102);
        let answered = (0..10_000)
            .filter(|ms| {
                slot.resend(start + Duration::from_millis(*ms), 1_000)
                    .is_some()
            })
            .count();
        assert_eq!(answered, usize::from(MAX_RESENDS));
    }

    #[test]
    fn asking_for_everything_again_and_again_is_bounded_too() {
        let start = Instant::now();
        let mut slot = video();
        for sequence in 0..4_000 {
            slot.forward(&packet(1, sequence, sequence == 0, start), 102);
        }
        let answered = (0..100u32)
            .flat_map(|round| (0..4_000u16).map(move |at| (round, 1_000 + at)))
            .filter(|(round, number)| {
                slot.resend(start + RESEND_INTERVAL * *round, *number)
                    .is_some()
            })
            .count();
        assert!(answered <= 4_000 * usize::from(MAX_RESENDS), "{answered}");
    }

    #[test]
    fn the_index_goes_on_past_sixteen_bits() {
        let now = Instant::now();
        let mut slot = video();
        let mut last = None;
        for sequence in 0..70_000u64 {
            last = Some(sent(
                slot.forward(&packet(1, sequence, sequence == 0, now), 102),
            ));
        }
        let last = last.unwrap();
        assert_eq!((last.rollover(), last.index), (1, 70_999));
        assert_eq!(
            slot.resend(now, last.sequence_number()).unwrap().sequence,
            69_999
        );
    }

    #[test]
    fn an_empty_slot_sends_nothing() {
        let now = Instant::now();
        let mut slot = video();
        slot.forward(&packet(1, 71, true, now), 102);
        slot.clear();
        assert_eq!(slot.forward(&packet(1, 72, true, now), 102), Verdict::Skip);
        assert_eq!(slot.report_timestamp(Space(1), 0), None);
    }
}
