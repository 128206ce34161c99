//! What crosses the relay's sockets.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard};

use load_tests::rtp;

/// Datagrams of one sender kept for replays.
const KEPT: usize = 2_000;

/// Keeps an eye on everything that goes in and out.
#[derive(Default)]
pub struct Wire(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    sources: HashMap<u32, Source>,
    /// RTP datagrams by where they went.
    sent: HashMap<SocketAddr, u64>,
    received: HashMap<SocketAddr, Vec<Vec<u8>>>,
}

/// One SSRC that the relay sends.
#[derive(Default)]
struct Source {
    highest: Option<u64>,
    digests: HashMap<u64, u64>,
    repeated: u64,
}

impl Wire {
    /// A datagram leaves the relay.
    ///
    /// # Panics
    ///
    /// When an SRTP packet index is used for two different texts, which with GCM gives the authentication key away.
    pub fn leaves(&self, to: SocketAddr, datagram: &[u8]) {
        if !is_rtp(datagram) {
            return;
        }
        let packet = rtp::Packet::parse(datagram).unwrap();
        let mut digest = DefaultHasher::new();
        datagram.hash(&mut digest);
        let mut seen = self.lock();
        *seen.sent.entry(to).or_default() += 1;
        let source = seen.sources.entry(packet.ssrc()).or_default();
        let index = source.index(packet.sequence());
        match source.digests.insert(index, digest.finish()) {
            None => {}
            Some(before) if before == digest.finish() => source.repeated += 1,
            Some(_) => panic!(
                "index {index} of SSRC {} is used for two texts",
                packet.ssrc()
            ),
        }
    }

    /// A datagram reaches the relay.
    pub fn arrives(&self, from: SocketAddr, datagram: &[u8]) {
        let mut seen = self.lock();
        let kept = seen.received.entry(from).or_default();
        if kept.len() < KEPT {
            kept.push(datagram.to_vec());
        }
    }

    /// RTP packets sent a second time on the SSRC of their first sending.
    pub fn repeated(&self) -> u64 {
        let seen = self.lock();
        seen.sources.values().map(|source| source.repeated).sum()
    }

    /// RTP datagrams sent to an address.
    pub fn sent_to(&self, to: SocketAddr) -> u64 {
        self.lock().sent.get(&to).copied().unwrap_or_default()
    }

    /// The first datagrams that came from an address.
    pub fn received_from(&self, from: SocketAddr) -> Vec<Vec<u8>> {
        self.lock().received.get(&from).cloned().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap()
    }
}

impl Source {
    /// The index whose low bits these are, nearest to the highest one (RFC 3711 §3.3.1).
    fn index(&mut self, sequence: u16) -> u64 {
        let highest = *self.highest.get_or_insert(1 << 16 | u64::from(sequence));
        let ahead = sequence.wrapping_sub(highest as u16) as i16;
        let index = highest.saturating_add_signed(i64::from(ahead));
        self.highest = Some(highest.max(index));
        index
    }
}

/// RFC 7983 §7 and RFC 5761 §4.
pub fn is_rtp(datagram: &[u8]) -> bool {
    matches!(datagram, [128..=191, kind, ..] if !(192..=223).contains(kind))
}

#[test]
fn two_texts_under_one_index_are_noticed() {
    let packet = |sequence: u16, text: u8| {
        let [high, low] = sequence.to_be_bytes();
        [0x80, 96, high, low, 0, 0, 0, 0, 0, 0, 0, 7, text]
    };
    let (wire, to) = (Wire::default(), SocketAddr::from(([127, 0, 0, 1], 9)));
    for sequence in [65_535, 0, 65_535] {
        wire.leaves(to, &packet(sequence, 1));
    }
    assert_eq!((wire.repeated(), wire.sent_to(to)), (1, 3));
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        wire.leaves(to, &packet(0, 2));
    }));
    assert!(caught.is_err());
}
