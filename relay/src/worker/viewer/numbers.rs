//! The transport-wide numbers of a slot's latest packets, where a repetition has to be the same to the byte.

use std::collections::VecDeque;

/// As many packets as are kept of a layer.
const KEPT: usize = 2_048;

/// See the module. Numbers are given in any order, for a packet that came late to the relay goes out behind its successors.
#[derive(Debug, Default)]
pub struct Numbers {
    /// Index of the first one kept.
    first: u64,
    kept: VecDeque<Option<u16>>,
}

/// The packet is older than what is kept: whether it was ever sent, and how, is not known any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten;

impl Numbers {
    /// The number under which the packet with this index went out, or goes out now under the one that `next` draws.
    ///
    /// # Errors
    ///
    /// [`Forgotten`]: the packet must not be sent.
    pub fn of(&mut self, index: u64, next: impl FnOnce() -> u16) -> Result<u16, Forgotten> {
        if self.kept.is_empty() {
            self.first = index.saturating_sub(KEPT as u64 / 2);
        }
        let at = index.checked_sub(self.first).ok_or(Forgotten)?;
        // What a padding or a jump skipped is kept as never sent.
        let beyond = (at + 1).saturating_sub(KEPT as u64);
        if beyond >= KEPT as u64 {
            self.kept.clear();
        } else {
            self.kept.drain(..(beyond as usize).min(self.kept.len()));
        }
        self.first += beyond;
        let at = (at - beyond) as usize;
        if self.kept.len() <= at {
            self.kept.resize(at + 1, None);
        }
        Ok(*self.kept[at].get_or_insert_with(next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_keeps_its_number_for_as_long_as_it_can_be_asked_for() {
        let mut numbers = Numbers::default();
        let mut next = 0;
        for index in 70_000..80_000u64 {
            let drawn = numbers.of(index, || {
                next += 1;
                next
            });
            assert_eq!(drawn, Ok(next));
        }
        assert_eq!(numbers.of(79_999, || 0), Ok(next));
        assert_eq!(numbers.of(80_000 - KEPT as u64, || 0), Ok(next - 2_047));
        assert_eq!(numbers.of(79_999 - KEPT as u64, || 0), Err(Forgotten));
    }

    #[test]
    fn what_was_not_sent_gets_a_number_when_it_is() {
        let mut numbers = Numbers::default();
        numbers.of(10, || 1).unwrap();
        numbers.of(12, || 2).unwrap();
        assert_eq!(numbers.of(11, || 3), Ok(3));
        assert_eq!(numbers.of(11, || 4), Ok(3));
        assert_eq!(numbers.of(9, || 5), Ok(5), "overtaken by the first");
        assert_eq!(numbers.of(1 << 40, || 6), Ok(6));
        assert_eq!(numbers.of(12, || 7), Err(Forgotten));
        assert_eq!(numbers.kept.len(), KEPT);
    }
}
