//! Datagrams that were mutated, truncated, replayed or made up.

use std::time::Duration;

use relay_transport::{Discard, Path, stun_username};

use crate::client::{CHROMIUM, WITHOUT_GCM};
use crate::world::{HOME, World, path};

/// A small generator, so that every run throws the same datagrams.
struct Random(u64);

impl Random {
    fn next(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound.max(1)
    }

    /// One of `samples`, damaged in one of several ways, or pure noise.
    fn datagram(&mut self, samples: &[Vec<u8>]) -> Vec<u8> {
        let mut datagram = samples[self.next(samples.len())].clone();
        match self.next(6) {
            0 => {}
            1 => datagram.truncate(self.next(datagram.len())),
            2 => datagram.extend((0..self.next(40)).map(|byte| byte as u8)),
            3 => {
                let length = self.next(200);
                datagram = (0..length).map(|_| self.next(256) as u8).collect();
                if let Some(first) = datagram.first_mut() {
                    *first = [0, 1, 20, 21, 22, 23, 63, 128, 144, 191][self.next(10)];
                }
            }
            _ => {
                for _ in 0..=self.next(4) {
                    let at = self.next(datagram.len());
                    if let Some(byte) = datagram.get_mut(at) {
                        *byte = self.next(256) as u8;
                    }
                }
            }
        }
        datagram
    }
}

fn paths() -> [Path; 2] {
    [path(HOME), path("192.0.2.66:6666")]
}

#[test]
fn nothing_that_is_thrown_at_a_session_disturbs_it() {
    for (seed, profiles) in [(1, CHROMIUM), (2, WITHOUT_GCM)] {
        let mut random = Random(seed);
        let mut world = World::connected(profiles);
        world.media = true;
        world.run(Duration::from_secs(3));
        let remote = world.relay.remote();
        let samples = world.recorded.clone();
        let events = world.events.len();
        for round in 0..20_000 {
            let mut datagram = random.datagram(&samples);
            let _ = stun_username(&datagram);
            let received = (world.rtp.len(), world.rtcp.len());
            let _ = world.give(paths()[round % 2], &mut datagram);
            assert_eq!(
                (world.rtp.len(), world.rtcp.len()),
                received,
                "a forgery passed as media"
            );
            assert_eq!(world.relay.remote(), remote, "a forgery moved the session");
            if round % 10 == 0 {
                world.step();
            }
        }
        assert_eq!(world.events.len(), events, "{:?}", &world.events[events..]);
        assert!(world.discards.len() >= 8, "{:?}", world.discards);
        let (to_client, to_relay, sent) = (world.client.rtp.len(), world.rtp.len(), world.sent());
        world.run(Duration::from_secs(40));
        assert_eq!(world.client.rtp.len() - to_client, world.sent() - sent);
        assert_eq!(world.rtp.len() - to_relay, world.sent() - sent);
        assert_eq!(world.closed(), None);
    }
}

/// The handshake itself may fail when the client's own address sends garbage; it must not panic.
#[test]
fn garbage_in_the_handshake_does_not_panic() {
    let samples = World::connected(CHROMIUM).recorded;
    for seed in 1..=150 {
        let mut random = Random(seed);
        let mut world = World::new(CHROMIUM);
        for _ in 0..100 {
            world.step();
            for _ in 0..random.next(8) {
                let mut datagram = random.datagram(&samples);
                let _ = world.give(paths()[0], &mut datagram);
            }
        }
    }
}

/// As above, with the samples damaged where it hurts: in the session's own handshake.
#[test]
fn a_damaged_handshake_does_not_panic() {
    for seed in 1..=150 {
        let mut random = Random(seed);
        let mut world = World::new(CHROMIUM);
        for _ in 0..2_000 {
            world.step();
            let recorded = std::mem::take(&mut world.recorded);
            if !recorded.is_empty() {
                for _ in 0..3 {
                    let mut datagram = random.datagram(&recorded);
                    let _ = world.give(paths()[0], &mut datagram);
                }
            }
        }
    }
}

#[test]
fn strangers_cannot_disturb_a_handshake_nor_get_an_answer() {
    let samples = World::connected(CHROMIUM).recorded;
    let mut random = Random(7);
    let mut world = World::new(CHROMIUM);
    while !(world.client.is_connected() && world.relay.is_connected()) {
        world.step();
        for _ in 0..10 {
            let mut datagram = random.datagram(&samples);
            let _ = world.give(paths()[1], &mut datagram);
            let answered = world.relay.poll_transmit();
            assert!(answered.is_none_or(|answer| answer.to != paths()[1]));
        }
    }
}

#[test]
fn each_kind_of_misfit_has_its_reason() {
    let mut world = World::connected(CHROMIUM);
    world.media = true;
    world.run(Duration::from_secs(3));
    let [home, stranger] = paths();
    let rtp = |sample: &&Vec<u8>| sample[0] == 0x80 || sample[0] == 0x90;
    let media = world.recorded.iter().rfind(rtp).unwrap().clone();
    let check = world
        .recorded
        .iter()
        .find(|sample| sample[0] == 0)
        .unwrap()
        .clone();
    let hello = world
        .recorded
        .iter()
        .find(|sample| sample[0] == 22)
        .unwrap()
        .clone();
    let mut forged = media.clone();
    forged[3] = forged[3].wrapping_add(9);
    for (name, from, datagram, reason) in [
        ("empty", home, &[][..], Discard::Malformed),
        ("one byte of RTP", home, &[0x80], Discard::Malformed),
        (
            "TURN channel",
            home,
            &[0x40, 0, 0, 0],
            Discard::UnknownProtocol,
        ),
        ("short STUN", home, &check[..19], Discard::Malformed),
        ("STUN from elsewhere", stranger, &check, Discard::Replayed),
        (
            "DTLS from a stranger",
            stranger,
            &hello,
            Discard::UnvalidatedAddress,
        ),
        (
            "SRTP from a stranger",
            stranger,
            &media,
            Discard::UnvalidatedAddress,
        ),
        ("SRTP again", home, &media, Discard::Replayed),
        ("SRTP forged", home, &forged, Discard::BadAuthentication),
        ("half a record", home, &hello[..20], Discard::Malformed),
    ] {
        let result = world.give(from, &mut datagram.to_vec());
        assert_eq!(result, Err(reason), "{name}");
    }
    world.relay.close(world.now);
    assert_eq!(world.give(home, &mut check.clone()), Err(Discard::Closed));
}
