//! The last packets of one sequence-number space, shared by all viewers: what a NACK is answered from.

use std::sync::Arc;

use crate::packet::Packet;

/// A ring of packets, indexed by extended sequence number.
///
/// It also decides what may be forwarded: a number is accepted once. Two different packets under one number would be
/// sealed under one nonce towards a viewer, so the first one wins for as long as the ring remembers it, and what is older than
/// the ring is refused.
#[derive(Debug)]
pub struct Cache {
    ring: Box<[Option<Arc<Packet>>]>,
    /// One past the highest number inserted.
    end: u64,
    keyframe: Option<Start>,
}

/// A place where a decoder can start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// The keyframe's first packet.
    pub sequence: u64,
    /// Bytes of payload from there to the newest packet.
    pub bytes: u64,
    timestamp: u32,
}

/// Why a packet was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The number was already used.
    Duplicate,
    /// The number is older than the ring.
    TooOld,
}

impl Cache {
    /// A ring for `capacity` packets, rounded up to a power of two.
    pub fn new(capacity: usize) -> Self {
        let mut ring = Vec::new();
        ring.resize_with(capacity.next_power_of_two(), || None);
        Self {
            ring: ring.into_boxed_slice(),
            end: 0,
            keyframe: None,
        }
    }

    /// Takes a packet in.
    ///
    /// # Errors
    ///
    /// [`Refused`] when the packet must not be forwarded.
    pub fn insert(&mut self, packet: Arc<Packet>) -> Result<(), Refused> {
        let sequence = packet.sequence;
        if sequence + (self.ring.len() as u64) < self.end {
            return Err(Refused::TooOld);
        }
        let slot = self.index(sequence);
        if self.ring[slot]
            .as_ref()
            .is_some_and(|kept| kept.sequence == sequence)
        {
            return Err(Refused::Duplicate);
        }
        self.note_start(&packet);
        self.end = self.end.max(sequence + 1);
        self.ring[slot] = Some(packet);
        Ok(())
    }

    /// The packet with this number, if it is still here.
    pub fn get(&self, sequence: u64) -> Option<&Arc<Packet>> {
        self.ring[self.index(sequence)]
            .as_ref()
            .filter(|packet| packet.sequence == sequence)
    }

    /// One past the highest number taken in.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Where the newest keyframe begins, as long as it is here.
    pub fn start(&self) -> Option<Start> {
        self.keyframe
            .filter(|start| self.get(start.sequence).is_some())
    }

    /// Parameter sets and the first slice each count as a beginning: the first of a picture is the one.
    fn note_start(&mut self, packet: &Packet) {
        let bytes = packet.payload.len() as u64;
        let newer = |start: &Start| packet.sequence > start.sequence;
        match &mut self.keyframe {
            Some(start) if start.timestamp == packet.timestamp || !packet.keyframe => {
                if newer(start) {
                    start.bytes += bytes;
                } else if packet.keyframe {
                    start.sequence = packet.sequence;
                }
            }
            Some(start) if !newer(start) => {}
            _ if packet.keyframe => {
                self.keyframe = Some(Start {
                    sequence: packet.sequence,
                    bytes,
                    timestamp: packet.timestamp,
                });
            }
            _ => {}
        }
    }

    fn index(&self, sequence: u64) -> usize {
        // The length is a power of two, so truncation keeps the low bits that matter.
        sequence as usize & (self.ring.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::tests_support::packet;

    #[test]
    fn a_number_is_accepted_once() {
        let mut cache = Cache::new(8);
        assert_eq!(cache.insert(packet(5)), Ok(()));
        assert_eq!(cache.insert(packet(5)), Err(Refused::Duplicate));
        assert_eq!(
            cache.insert(packet(3)),
            Ok(()),
            "a late packet is not a duplicate"
        );
    }

    #[test]
    fn a_decoder_can_start_at_the_newest_keyframe() {
        let mut cache = Cache::new(8);
        let insert = |cache: &mut Cache, sequence, picture: u32, keyframe| {
            let mut packet = Arc::unwrap_or_clone(packet(sequence));
            (packet.timestamp, packet.keyframe) = (picture, keyframe);
            cache.insert(Arc::new(packet)).unwrap();
        };
        insert(&mut cache, 1, 1, false);
        assert_eq!(cache.start(), None);
        insert(&mut cache, 2, 2, true);
        insert(&mut cache, 4, 2, true);
        insert(&mut cache, 5, 3, false);
        let start = cache.start().unwrap();
        assert_eq!(
            (start.sequence, start.bytes),
            (2, 21),
            "parameter sets first"
        );
        insert(&mut cache, 9, 9, true);
        insert(&mut cache, 8, 9, true);
        assert_eq!(
            cache.start().unwrap().sequence,
            8,
            "overtaken by its own picture"
        );
        for sequence in 10..18 {
            insert(&mut cache, sequence, sequence as u32, false);
        }
        assert_eq!(cache.start(), None, "it fell out");
    }

    #[test]
    fn what_fell_out_of_the_ring_is_neither_found_nor_accepted_again() {
        let mut cache = Cache::new(8);
        for sequence in 0..20 {
            cache.insert(packet(sequence)).unwrap();
        }
        assert!(cache.get(11).is_none());
        assert_eq!(cache.get(12).unwrap().sequence, 12);
        assert_eq!(cache.insert(packet(11)), Err(Refused::TooOld));
        assert_eq!(cache.insert(packet(12)), Err(Refused::Duplicate));
    }
}
