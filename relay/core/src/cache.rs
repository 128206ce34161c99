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
