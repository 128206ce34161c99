//! One m-line of a viewer: whoever fills it, and whichever layer of it, the viewer sees one unbroken sequence of packets.

mod epoch;
mod resends;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Instant;

use crate::descriptor::{Shift, Shown};
use crate::key::Kind;
use crate::packet::{Packet, Space};
use epoch::{Epoch, Latest};
use resends::Resends;

/// How many former sources a retransmission can still be asked of.
const EPOCHS: usize = 8;

/// A slot's rewriting state.
#[derive(Debug)]
pub struct Slot {
    kind: Kind,
    clock_rate: u32,
    source: Source,
    epochs: VecDeque<Epoch>,
    /// One past the highest sequence number sent.
    next: u64,
    latest: Option<Latest>,
    pictures: Shown,
    resends: Resends,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// Nothing is shown.
    Empty,
    /// This layer is to be shown, from its next keyframe on.
    Waiting(u8),
    /// The newest epoch is being shown, until this layer's next keyframe if it is another one.
    Flowing(u8),
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
    /// What is added to picture numbers in the payload.
    pub shift: Shift,
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
    /// It is not: its layer can only start at a keyframe.
    NeedsKeyframe,
    /// It is not: it precedes what the slot shows, or is of a layer that the slot does not show.
    Skip,
}

/// A packet a viewer misses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lookup {
    /// Where to find it.
    pub space: Space,
    /// Its number there.
    pub sequence: u64,
    /// How often it is to be sent.
    pub copies: u8,
    index: u64,
    timestamp_offset: u32,
    payload_type: u8,
    shift: Shift,
}

/// What a slot shows now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Showing {
    /// Whose numbers.
    pub space: Space,
    /// Which layer.
    pub layer: u8,
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
            latest: None,
            pictures: Shown::default(),
            resends: Resends::new(kind),
        }
    }

    /// Shows something new, or the same again after a pause, from this layer's next keyframe on.
    pub fn fill(&mut self, layer: u8) {
        self.source = Source::Waiting(layer);
    }

    /// Shows another layer of the same from its next keyframe on; until then what it shows already.
    pub fn aim(&mut self, layer: u8) {
        self.source = match self.source {
            Source::Flowing(_) => Source::Flowing(layer),
            Source::Empty | Source::Waiting(_) => Source::Waiting(layer),
        };
    }

    /// Shows nothing.
    pub fn clear(&mut self) {
        self.source = Source::Empty;
    }

    /// The layer that is shown, or is to be.
    pub fn aimed(&self) -> Option<u8> {
        match self.source {
            Source::Empty => None,
            Source::Waiting(layer) | Source::Flowing(layer) => Some(layer),
        }
    }

    /// What is being shown.
    pub fn showing(&self) -> Option<Showing> {
        let Source::Flowing(_) = self.source else {
            return None;
        };
        let epoch = self.epochs.back()?;
        Some(Showing {
            space: epoch.space,
            layer: epoch.layer,
        })
    }

    /// Whether the packet goes on with what is shown, beyond everything that left so far.
    pub fn is_ahead(&self, packet: &Packet) -> bool {
        let Source::Flowing(_) = self.source else {
            return false;
        };
        self.epochs.back().is_some_and(|epoch| {
            epoch.space == packet.space
                && packet.sequence >= epoch.first_in
                && epoch.index(packet.sequence) >= self.next
        })
    }

    /// Whether the newest packet that left ends its frame.
    pub fn is_between_frames(&self) -> bool {
        self.latest.is_none_or(|latest| latest.ends_frame)
    }

    /// Whether nothing is shown until a keyframe comes.
    pub fn is_waiting(&self) -> bool {
        matches!(self.source, Source::Waiting(_)) && self.kind == Kind::Video
    }

    /// Whether a keyframe is needed of the layer that is aimed at.
    pub fn needs_keyframe(&self) -> bool {
        self.kind == Kind::Video
            && match self.source {
                Source::Empty => false,
                Source::Waiting(_) => true,
                Source::Flowing(aimed) => {
                    self.epochs.back().is_some_and(|epoch| epoch.layer != aimed)
                }
            }
    }

    /// Decides on the next packet of what fills the slot; `payload_type` is the viewer's for the packet's codec. `align` tells, from
    /// the clocks of both, what a space's timestamp was when the packet was captured.
    pub fn forward(
        &mut self,
        packet: &Packet,
        payload_type: u8,
        align: impl FnOnce(Space, &Packet) -> Option<u32>,
    ) -> Verdict {
        let (aimed, current) = match self.source {
            Source::Empty => return Verdict::Skip,
            Source::Waiting(aimed) => (aimed, None),
            Source::Flowing(aimed) => (aimed, self.epochs.back().copied()),
        };
        let starts = packet.layer == aimed && (packet.keyframe || self.kind == Kind::Audio);
        let epoch = match current {
            Some(epoch) if epoch.carries(packet, payload_type, self.next) => {
                match self.epoch_of(packet) {
                    Some(epoch) => epoch,
                    None => return Verdict::Skip,
                }
            }
            _ if starts && !self.is_former(packet) => self.begin(packet, payload_type, align),
            Some(epoch) if epoch.space == packet.space => {
                self.source = Source::Waiting(aimed);
                return Verdict::NeedsKeyframe;
            }
            _ if packet.layer == aimed && !self.is_former(packet) => return Verdict::NeedsKeyframe,
            _ => return Verdict::Skip,
        };
        let outgoing = epoch.outgoing(packet.sequence, packet.timestamp);
        if outgoing.index >= self.next {
            self.next = outgoing.index + 1;
            self.latest = Some(Latest {
                arrived: packet.arrived,
                timestamp: outgoing.timestamp,
                ends_frame: packet.marker,
            });
            self.pictures.note(&packet.descriptor, epoch.shift);
        }
        Verdict::Forward(outgoing)
    }

    /// Takes `count` numbers for packets without media, and returns the first as they go out. `None` before anything was shown, and
    /// within a frame.
    pub fn pad(&mut self, count: u16) -> Option<Outgoing> {
        let latest = self.latest.filter(|latest| latest.ends_frame)?;
        let epoch = *self.epochs.back()?;
        let first = self.next;
        self.next += u64::from(count);
        if let Source::Flowing(_) = self.source {
            self.push(Epoch {
                first_in: epoch.first_in + (first - epoch.first_out),
                first_out: self.next,
                ..epoch
            });
        }
        // The epoch that ended does not own the numbers of the padding: one of them sent again must not carry media.
        let padded = self.epochs.iter_mut().rev();
        if let Some(ended) = { padded }.find(|other| other.first_out == epoch.first_out) {
            ended.end_out = ended.end_out.min(first);
        }
        Some(Outgoing {
            index: first,
            timestamp: latest.timestamp,
            payload_type: epoch.payload_type,
            shift: Shift::default(),
        })
    }

    /// Finds what a viewer asks for by NACK, at most a few times per packet and not faster than it could arrive.
    pub fn resend(&mut self, now: Instant, sequence_number: u16) -> Option<Lookup> {
        let lookup = self.lookup(self.index_of(sequence_number)?)?;
        let copies = self.resends.allow(now, lookup.index);
        (copies > 0).then_some(Lookup { copies, ..lookup })
    }

    /// A packet that left as the `back`-th before the next one, counted from 1.
    pub fn recent(&self, back: u64) -> Option<Lookup> {
        self.lookup(self.next.checked_sub(back)?)
    }

    /// The slot's timestamp for a timestamp of what it shows, for sender reports. `None` while it shows nothing of `space`.
    pub fn report_timestamp(&self, space: Space, timestamp: u32) -> Option<u32> {
        let epoch = self.epochs.back()?;
        self.showing()
            .filter(|showing| showing.space == space)
            .map(|_| timestamp.wrapping_add(epoch.timestamp_offset))
    }

    fn index_of(&self, sequence_number: u16) -> Option<u64> {
        let behind = (self.next as u16).wrapping_sub(sequence_number);
        self.next
            .checked_sub(u64::from(behind))
            .filter(|_| behind != 0)
    }

    fn lookup(&self, index: u64) -> Option<Lookup> {
        let epochs = self.epochs.iter().rev();
        let (epoch, sequence) = epochs
            .filter_map(|epoch| Some((epoch, epoch.sequence(index)?)))
            .next()?;
        Some(Lookup {
            space: epoch.space,
            sequence,
            copies: 1,
            index,
            timestamp_offset: epoch.timestamp_offset,
            payload_type: epoch.payload_type,
            shift: epoch.shift,
        })
    }

    /// The epoch under which a packet of the space that is shown goes out: the newest, or, for one that comes late, one of the same
    /// run before padding interrupted it.
    fn epoch_of(&self, packet: &Packet) -> Option<Epoch> {
        let newest = self.epochs.back()?;
        if packet.sequence >= newest.first_in {
            return Some(*newest);
        }
        let run = self.epochs.iter().rev();
        run.take_while(|epoch| epoch.space == packet.space)
            .find(|epoch| packet.sequence >= epoch.first_in)
            .filter(|epoch| epoch.index(packet.sequence) < epoch.end_out)
            .copied()
    }

    /// Whether the slot has shown this space and left it: its late packets begin nothing.
    fn is_former(&self, packet: &Packet) -> bool {
        self.epochs.iter().any(|epoch| {
            epoch.space == packet.space
                && packet.sequence >= epoch.first_in
                && epoch.end_out != u64::MAX
                && epoch.index(packet.sequence) < epoch.end_out
        })
    }

    fn begin(
        &mut self,
        packet: &Packet,
        payload_type: u8,
        align: impl FnOnce(Space, &Packet) -> Option<u32>,
    ) -> Epoch {
        let before = self.epochs.back();
        let aligned = before.and_then(|epoch| {
            let there = align(epoch.space, packet)?;
            Some(there.wrapping_add(epoch.timestamp_offset))
        });
        let timestamp = match self.latest {
            None => packet.timestamp,
            Some(latest) => latest.follow(packet, self.clock_rate, aligned),
        };
        self.source = Source::Flowing(packet.layer);
        self.push(Epoch {
            space: packet.space,
            layer: packet.layer,
            first_in: packet.sequence,
            first_out: self.next,
            end_out: u64::MAX,
            timestamp_offset: timestamp.wrapping_sub(packet.timestamp),
            payload_type,
            shift: Shift::following(self.pictures, &packet.descriptor),
        })
    }

    fn push(&mut self, epoch: Epoch) -> Epoch {
        if let Some(ended) = self.epochs.back_mut() {
            ended.end_out = ended.end_out.min(epoch.first_out);
        }
        if self.epochs.len() == EPOCHS {
            self.epochs.pop_front();
        }
        self.epochs.push_back(epoch);
        epoch
    }
}

impl Lookup {
    /// How the found packet went out the first time, so that its retransmission is the same to the byte.
    pub fn outgoing(&self, packet: &Packet) -> Outgoing {
        Outgoing {
            index: self.index,
            timestamp: packet.timestamp.wrapping_add(self.timestamp_offset),
            payload_type: self.payload_type,
            shift: self.shift,
        }
    }
}
