//! Packet index estimation and replay protection of one source (RFC 3711 §3.3.1, §3.3.2).

/// Packets that may arrive late: one second of a 20 Mbit/s source.
const WINDOW: u64 = 2048;

/// The highest authenticated packet index of a source, and which of the indices just below were
/// seen.
pub(super) struct Window {
    highest: u64,
    /// Bit `index % WINDOW` says whether `index` was seen, for the last `WINDOW` indices.
    seen: [u64; (WINDOW / 64) as usize],
}

impl Window {
    /// A window whose first authenticated packet had this index.
    pub(super) fn starting_at(index: u64) -> Self {
        let mut window = Self {
            highest: index,
            seen: [0; (WINDOW / 64) as usize],
        };
        window.mark(index);
        window
    }

    /// The packet index that ends in this sequence number and may be accepted: the one nearest to
    /// the highest, or else the next one.
    ///
    /// Where the nearest has left the window, RFC 3711 would drop the packet. But after a cut of the
    /// line a 4K source is half the sequence numbers ahead within 16 s, and with a roll-over missed
    /// it would stay silent for ever.
    pub(super) fn estimate(&self, sequence: u16) -> u64 {
        let ahead = sequence.wrapping_sub(self.highest as u16).cast_signed();
        let nearest = self
            .highest
            .checked_add_signed(ahead.into())
            // Before the first roll-over there is nothing below zero.
            .unwrap_or_else(|| sequence.into());
        if nearest + WINDOW <= self.highest {
            nearest + (1 << 16)
        } else {
            nearest
        }
    }

    /// Whether a packet of this index was accepted already, or is too old to tell.
    pub(super) fn is_replay(&self, index: u64) -> bool {
        match self.highest.checked_sub(index) {
            None => false,
            Some(behind) => behind >= WINDOW || self.seen[word(index)] & bit(index) != 0,
        }
    }

    /// Accepts an authenticated packet that is no replay.
    pub(super) fn accept(&mut self, index: u64) {
        if let Some(ahead) = index.checked_sub(self.highest) {
            if ahead >= WINDOW {
                self.seen.fill(0);
            } else {
                for skipped in self.highest + 1..index {
                    self.seen[word(skipped)] &= !bit(skipped);
                }
            }
            self.highest = index;
        }
        self.mark(index);
    }

    fn mark(&mut self, index: u64) {
        self.seen[word(index)] |= bit(index);
    }
}

fn word(index: u64) -> usize {
    (index % WINDOW / 64) as usize
}

fn bit(index: u64) -> u64 {
    1 << (index % 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_follows_wraps_and_reordering() {
        let mut window = Window::starting_at(65_534);
        assert_eq!(window.estimate(65_535), 65_535);
        assert_eq!(window.estimate(3), 65_536 + 3, "wraps ahead");
        window.accept(65_536 + 3);
        assert_eq!(
            window.estimate(65_530),
            65_530,
            "late, from before the wrap"
        );
        assert_eq!(window.estimate(32_770), 65_536 + 32_770);
        window.accept(2 * 65_536);
        assert_eq!(window.estimate(65_535), 65_536 + 65_535);
        assert_eq!(window.estimate(1), 2 * 65_536 + 1);
    }

    #[test]
    fn before_the_first_roll_over_nothing_is_below_zero() {
        let window = Window::starting_at(5);
        assert_eq!(window.estimate(65_000), 65_000);
    }

    #[test]
    fn a_gap_of_more_than_half_the_numbers_is_bridged() {
        let mut window = Window::starting_at(100_000);
        for index in [140_000_u64, 200_000, 260_000] {
            assert_eq!(window.estimate(index as u16), index);
            window.accept(index);
        }
    }

    #[test]
    fn each_index_is_accepted_once() {
        let mut window = Window::starting_at(10_000);
        for index in [
            10_000, 10_001, 9_500, 12_500, 12_499, 10_600, 80_000, 79_000,
        ] {
            if index != 10_000 {
                assert!(!window.is_replay(index), "{index}");
                window.accept(index);
            }
            assert!(window.is_replay(index), "{index} again");
        }
        assert!(window.is_replay(80_000 - WINDOW), "left the window");
        assert!(
            !window.is_replay(80_000 - WINDOW + 1),
            "still in the window"
        );
    }

    /// A bitmap that is not cleared on the way ahead would report packets of one window earlier.
    #[test]
    fn a_gap_leaves_no_trace_of_the_previous_turn() {
        let mut window = Window::starting_at(0);
        for index in 1..WINDOW {
            window.accept(index);
        }
        window.accept(2 * WINDOW - 2);
        assert!((WINDOW..2 * WINDOW - 2).all(|index| !window.is_replay(index)));
        assert!(window.is_replay(WINDOW - 1), "seen and still in the window");
    }
}
