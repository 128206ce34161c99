//! Recent transactions, so that a recorded check is worth nothing on another path.

use std::collections::VecDeque;

use rtc_stun::message::TransactionId;

use crate::Path;

/// Checks remembered: a minute at the fastest pace of browsers, many at their usual one.
const REMEMBERED: usize = 128;

/// The latest transactions with the paths they came from.
#[derive(Default)]
pub(super) struct Seen(VecDeque<(TransactionId, Path)>);

impl Seen {
    /// Whether a transaction is new, or repeated on the path it first came from, as
    /// retransmission does (RFC 8489 §6.2.1).
    pub(super) fn is_first_or_repeated(&mut self, transaction: TransactionId, from: Path) -> bool {
        if let Some((_, first)) = self.0.iter().find(|(known, _)| *known == transaction) {
            return *first == from;
        }
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((transaction, from));
        true
    }
}
