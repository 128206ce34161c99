//! How many connections there may be.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Connections of one address: thirty rooms behind one NAT, of which each watches and publishes twice, on two of its own
/// addresses. One address cannot take the descriptors of all.
const MAX_PER_ADDRESS: usize = 256;

/// Counts connections. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Admission {
    limit: usize,
    tally: Arc<Mutex<Tally>>,
}

#[derive(Debug, Default)]
struct Tally {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A connection's place, until it is dropped.
#[derive(Debug)]
pub struct Admitted {
    address: IpAddr,
    tally: Arc<Mutex<Tally>>,
}

impl Admission {
    /// At most `limit` connections at a time.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            tally: Arc::default(),
        }
    }

    /// A place for a connection from this address, unless there are too many.
    pub fn admit(&self, from: IpAddr) -> Option<Admitted> {
        let address = network(from);
        let mut tally = lock(&self.tally);
        let of_address = tally.by_address.get(&address).copied().unwrap_or_default();
        if tally.total >= self.limit || of_address >= MAX_PER_ADDRESS {
            return None;
        }
        tally.total += 1;
        tally.by_address.insert(address, of_address + 1);
        Some(Admitted {
            address,
            tally: self.tally.clone(),
        })
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut tally = lock(&self.tally);
        tally.total -= 1;
        if let Some(count) = tally.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                tally.by_address.remove(&self.address);
            }
        }
    }
}

/// Nothing between locking and unlocking can panic.
fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One subscriber has all of a /64 (RFC 6177).
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let prefix = u128::from(address) & !u128::from(u64::MAX);
            Ipv6Addr::from(prefix).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_places_and_gets_them_back() {
        let admission = Admission::new(10_000);
        let neighbours = (0..).map(|host: u16| Ipv6Addr::new(0x2001, 0xDB8, 0, 1, 0, 0, 0, host));
        let mut places: Vec<_> = neighbours
            .map_while(|address| admission.admit(address.into()))
            .collect();
        assert_eq!(places.len(), MAX_PER_ADDRESS);
        let elsewhere = "2001:db8:0:2::1".parse().unwrap();
        assert!(admission.admit(elsewhere).is_some());
        places.pop();
        assert!(
            admission
                .admit("2001:db8:0:1::ffff".parse().unwrap())
                .is_some()
        );
        places.clear();
        assert!(lock(&admission.tally).by_address.is_empty());
    }

    #[test]
    fn all_addresses_together_have_a_limit() {
        let admission = Admission::new(2);
        let address = |host| IpAddr::from([192, 0, 2, host]);
        let places = [1, 2].map(|host| admission.admit(address(host)).unwrap());
        assert!(admission.admit(address(3)).is_none());
        drop(places);
        assert!(admission.admit(address(3)).is_some());
    }
}
