//! How datagrams find their session.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use relay_core::key::SessionKey;
use relay_transport::stun_username;

/// How datagrams find their session (RFC 7983: STUN carries its session's name, everything else only comes from an address).
#[derive(Default)]
pub struct Routes {
    by_ufrag: HashMap<String, SessionKey>,
    ufrags: HashMap<SessionKey, Vec<String>>,
    by_address: HashMap<SocketAddr, SessionKey>,
    /// The latest addresses of every session, the one it used last at the back.
    addresses: HashMap<SessionKey, VecDeque<SocketAddr>>,
}

/// Addresses a session may be reached from at a time: a client's interfaces, and a NAT that changed its mind a few times.
const MAX_ADDRESSES: usize = 16;

impl Routes {
    /// The session of a datagram.
    pub fn find(&self, from: SocketAddr, datagram: &[u8]) -> Option<SessionKey> {
        if let Some(ufrag) = stun_username(datagram) {
            return self.by_ufrag.get(ufrag).copied();
        }
        self.by_address.get(&from).copied()
    }

    /// The relay's user name fragments for `key`, in place of those it had.
    pub fn named<'a>(&mut self, ufrags: impl Iterator<Item = &'a str>, key: SessionKey) {
        for former in self.ufrags.remove(&key).unwrap_or_default() {
            self.by_ufrag.remove(&former);
        }
        let ufrags: Vec<_> = ufrags.map(str::to_owned).collect();
        let named = ufrags.iter().map(|ufrag| (ufrag.clone(), key));
        self.by_ufrag.extend(named);
        self.ufrags.insert(key, ufrags);
    }

    /// An authenticated check of `key` came from this address.
    pub fn reached_from(&mut self, from: SocketAddr, key: SessionKey) {
        self.by_address.insert(from, key);
        let addresses = self.addresses.entry(key).or_default();
        if addresses.back() == Some(&from) {
            return;
        }
        addresses.retain(|other| *other != from);
        addresses.push_back(from);
        if addresses.len() > MAX_ADDRESSES
            && let Some(oldest) = addresses.pop_front()
        {
            self.release(oldest, key);
        }
    }

    /// A session is gone.
    pub fn forget(&mut self, key: SessionKey) {
        for ufrag in self.ufrags.remove(&key).unwrap_or_default() {
            self.by_ufrag.remove(&ufrag);
        }
        for address in self.addresses.remove(&key).unwrap_or_default() {
            self.release(address, key);
        }
    }

    /// The address may belong to the client's next session by now.
    fn release(&mut self, address: SocketAddr, key: SessionKey) {
        if self.by_address.get(&address) == Some(&key) {
            self.by_address.remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: SessionKey = SessionKey(1);
    const NEW: SessionKey = SessionKey(2);
    /// First byte of SRTP: no STUN, so only the address counts.
    const MEDIA: &[u8] = &[0x80, 0, 0, 0];

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn an_address_belongs_to_whom_it_was_proven_for_last() {
        let mut routes = Routes::default();
        routes.reached_from(address(1), OLD);
        routes.reached_from(address(1), NEW);
        assert_eq!(routes.find(address(1), MEDIA), Some(NEW));
        routes.forget(OLD);
        assert_eq!(
            routes.find(address(1), MEDIA),
            Some(NEW),
            "the old session's end takes nothing from the new one"
        );
        routes.forget(NEW);
        assert_eq!(routes.find(address(1), MEDIA), None);
    }

    #[test]
    fn an_address_in_use_outlasts_those_that_were_left() {
        let mut routes = Routes::default();
        for port in 2..1_000 {
            routes.reached_from(address(1), OLD);
            routes.reached_from(address(port), OLD);
        }
        assert_eq!(routes.find(address(1), MEDIA), Some(OLD));
    }

    #[test]
    fn an_address_that_was_lost_and_won_back_counts_once() {
        let mut routes = Routes::default();
        for _ in 0..MAX_ADDRESSES {
            routes.reached_from(address(1), OLD);
            routes.reached_from(address(1), NEW);
        }
        routes.reached_from(address(1), OLD);
        routes.reached_from(address(2), OLD);
        assert_eq!(routes.find(address(1), MEDIA), Some(OLD));
    }

    #[test]
    fn a_session_cannot_fill_the_tables() {
        let mut routes = Routes::default();
        for port in 1..1_000 {
            routes.reached_from(address(port), OLD);
            routes.named([format!("ufrag{port}").as_str()].into_iter(), OLD);
        }
        assert_eq!(
            (routes.by_address.len(), routes.by_ufrag.len()),
            (MAX_ADDRESSES, 1)
        );
        assert_eq!(routes.find(address(999), MEDIA), Some(OLD));
        routes.forget(OLD);
        assert!(routes.by_address.is_empty() && routes.by_ufrag.is_empty());
    }
}
