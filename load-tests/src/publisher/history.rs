//! Sealed packets kept for repair. A repeated packet is byte for byte the first sending, so that no nonce is used twice.

use bytes::Bytes;

/// Packets kept: two seconds of 20 Mbit/s.
const CAPACITY: usize = 4096;

/// The last packets of one SSRC, by sequence number.
pub struct History {
    slots: Vec<Option<(u16, Bytes)>>,
}

impl Default for History {
    fn default() -> Self {
        Self {
            slots: vec![None; CAPACITY],
        }
    }
}

impl History {
    /// Keeps a packet and forgets the one `CAPACITY` before it.
    pub fn keep(&mut self, sequence: u16, packet: Bytes) {
        self.slots[usize::from(sequence) % CAPACITY] = Some((sequence, packet));
    }

    /// The packet, if it is still kept.
    pub fn find(&self, sequence: u16) -> Option<&Bytes> {
        match &self.slots[usize::from(sequence) % CAPACITY] {
            Some((kept, packet)) if *kept == sequence => Some(packet),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_the_oldest() {
        let mut history = History::default();
        history.keep(1, Bytes::from_static(b"old"));
        assert_eq!(history.find(1).unwrap(), "old");
        history.keep(1 + CAPACITY as u16, Bytes::from_static(b"new"));
        assert!(history.find(1).is_none());
        assert_eq!(history.find(1 + CAPACITY as u16).unwrap(), "new");
    }
}
