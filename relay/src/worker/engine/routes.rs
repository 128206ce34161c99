//! How datagrams find their session.

use std::collections::{HashMap, VecDeque};

use relay_core::key::SessionKey;
use relay_transport::{Path, stun_username};

use super::Engine;

/// How datagrams find their session (RFC 7983: STUN carries its session's name, everything else only comes on a path).
#[derive(Default)]
pub struct Routes {
    by_ufrag: HashMap<String, SessionKey>,
    ufrags: HashMap<SessionKey, Vec<String>>,
    by_path: HashMap<Path, SessionKey>,
    /// The latest paths of every session, the one it used last at the back.
    paths: HashMap<SessionKey, VecDeque<Path>>,
}

/// Paths a session may be reached from at a time: a client's interfaces, and a NAT that changed its mind a few times.
const MAX_PATHS: usize = 16;

impl Engine {
    /// Whether an authenticated check of a session came on this path.
    pub fn knows(&self, path: Path) -> bool {
        self.routes.by_path.contains_key(&path)
    }

    /// Nothing comes on this path any more until a check does.
    pub fn forget_path(&mut self, path: Path) {
        self.routes.forget_path(path);
    }
}

impl Routes {
    /// The session of a datagram.
    pub fn find(&self, from: Path, datagram: &[u8]) -> Option<SessionKey> {
        if let Some(ufrag) = stun_username(datagram) {
            return self.by_ufrag.get(ufrag).copied();
        }
        self.by_path.get(&from).copied()
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

    /// An authenticated check of `key` came on this path.
    pub fn reached_from(&mut self, from: Path, key: SessionKey) {
        self.by_path.insert(from, key);
        let paths = self.paths.entry(key).or_default();
        if paths.back() == Some(&from) {
            return;
        }
        paths.retain(|other| *other != from);
        paths.push_back(from);
        if paths.len() > MAX_PATHS
            && let Some(oldest) = paths.pop_front()
        {
            self.release(oldest, key);
        }
    }

    /// A session is gone.
    pub fn forget(&mut self, key: SessionKey) {
        for ufrag in self.ufrags.remove(&key).unwrap_or_default() {
            self.by_ufrag.remove(&ufrag);
        }
        for path in self.paths.remove(&key).unwrap_or_default() {
            self.release(path, key);
        }
    }

    /// A path is gone.
    pub fn forget_path(&mut self, path: Path) {
        let key = self.by_path.remove(&path);
        if let Some(paths) = key.and_then(|key| self.paths.get_mut(&key)) {
            paths.retain(|other| *other != path);
        }
    }

    /// The path may belong to the client's next session by now.
    fn release(&mut self, path: Path, key: SessionKey) {
        if self.by_path.get(&path) == Some(&key) {
            self.by_path.remove(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    const OLD: SessionKey = SessionKey(1);
    const NEW: SessionKey = SessionKey(2);
    /// First byte of SRTP: no STUN, so only the path counts.
    const MEDIA: &[u8] = &[0x80, 0, 0, 0];

    fn path(port: u16) -> Path {
        Path::udp(SocketAddr::from(([127, 0, 0, 1], port)))
    }

    #[test]
    fn a_path_belongs_to_whom_it_was_proven_for_last() {
        let mut routes = Routes::default();
        routes.reached_from(path(1), OLD);
        routes.reached_from(path(1), NEW);
        assert_eq!(routes.find(path(1), MEDIA), Some(NEW));
        routes.forget(OLD);
        assert_eq!(
            routes.find(path(1), MEDIA),
            Some(NEW),
            "the old session's end takes nothing from the new one"
        );
        routes.forget(NEW);
        assert_eq!(routes.find(path(1), MEDIA), None);
    }

    #[test]
    fn a_path_in_use_outlasts_those_that_were_left() {
        let mut routes = Routes::default();
        for port in 2..1_000 {
            routes.reached_from(path(1), OLD);
            routes.reached_from(path(port), OLD);
        }
        assert_eq!(routes.find(path(1), MEDIA), Some(OLD));
    }

    #[test]
    fn a_path_that_was_lost_and_won_back_counts_once() {
        let mut routes = Routes::default();
        for _ in 0..MAX_PATHS {
            routes.reached_from(path(1), OLD);
            routes.reached_from(path(1), NEW);
        }
        routes.reached_from(path(1), OLD);
        routes.reached_from(path(2), OLD);
        assert_eq!(routes.find(path(1), MEDIA), Some(OLD));
    }

    #[test]
    fn a_path_that_is_gone_takes_no_room() {
        let mut routes = Routes::default();
        routes.reached_from(path(1), OLD);
        for port in 2..100 {
            routes.reached_from(path(port), OLD);
            routes.forget_path(path(port));
            assert_eq!(routes.find(path(port), MEDIA), None);
        }
        assert_eq!(routes.find(path(1), MEDIA), Some(OLD));
    }

    #[test]
    fn a_session_cannot_fill_the_tables() {
        let mut routes = Routes::default();
        for port in 1..1_000 {
            routes.reached_from(path(port), OLD);
            routes.named([format!("ufrag{port}").as_str()].into_iter(), OLD);
        }
        assert_eq!(
            (routes.by_path.len(), routes.by_ufrag.len()),
            (MAX_PATHS, 1)
        );
        assert_eq!(routes.find(path(999), MEDIA), Some(OLD));
        routes.forget(OLD);
        assert!(routes.by_path.is_empty() && routes.by_ufrag.is_empty());
    }
}
