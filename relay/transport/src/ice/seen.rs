//! Recent transactions, so that a recorded check is worth nothing at another address.

use std::collections::VecDeque;
use std::net::SocketAddr;

use rtc_stun::message::TransactionId;

/// Checks remembered: a minute at the fastest pace of browsers, many at their usual one.
const REMEMBERED: usize = 128;

/// The latest transactions with the addresses they came from.
#[derive(Default)]
pub(super) struct Seen(VecDeque<(TransactionId, SocketAddr)>);

impl Seen {
    /// Whether a transaction is new, or repeated from the address it first came from, as
    /// retransmission does (RFC 8489 §6.2.1).
    pub(super) fn is_first_or_repeated(
        &mut self,
        transaction: TransactionId,
        from: SocketAddr,
    ) -> bool {
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
