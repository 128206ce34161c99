//! Handshakes that succeed, and those that must not.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use relay_transport::srtp::Profile;
use relay_transport::{Event, Fingerprint, Reason};

use crate::client::{CHROMIUM, UNSUPPORTED, WITHOUT_GCM};
use crate::world::{HOME, Toward, World, path};

const DTLS: std::ops::RangeInclusive<u8> = 20..=63;

#[test]
fn gcm_is_chosen_whatever_the_clients_order() {
    let world = World::connected(CHROMIUM);
    assert_eq!(world.profile(), Some(Profile::AeadAes128Gcm));
    assert!(world.events.contains(&Event::Nominated(path(HOME))));
}

#[test]
fn media_and_reports_pass_both_ways_across_the_sequence_wrap() {
    for (profiles, profile) in [
        (CHROMIUM, Profile::AeadAes128Gcm),
        (WITHOUT_GCM, Profile::Aes128CmSha1_80),
    ] {
        let mut world = World::connected(profiles);
        assert_eq!(world.profile(), Some(profile));
        world.media = true;
        world.run(Duration::from_secs(3));
        assert_eq!(world.client.rtp.len(), world.sent(), "{profile:?}");
        assert_eq!(world.sent(), 300);
        let expected: Vec<u16> = (65_500..=u16::MAX).chain(0..).take(300).collect();
        assert_eq!(world.client.rtp, expected);
        assert_eq!(world.rtp, expected);
        assert!(world.report_is_acknowledged());
        assert!(world.discards.is_empty(), "{:?}", world.discards);
    }
}

#[test]
fn a_client_without_a_common_profile_is_told() {
    let mut world = World::new(UNSUPPORTED);
    world.until("closed", |world| world.closed().is_some());
    assert_eq!(world.closed(), Some(Reason::NoSrtpProfile));
}

#[test]
fn a_certificate_that_the_offer_did_not_announce_is_refused() {
    let mut world = World::expecting(CHROMIUM, |_| Fingerprint::sha256(b"another"));
    world.until("closed", |world| world.closed().is_some());
    assert_eq!(world.closed(), Some(Reason::WrongFingerprint));
    world.run(Duration::from_secs(2));
    assert!(!world.client.is_connected());
    assert_eq!(world.profile(), None);
    assert!(world.relay.sealer().is_none());
}

/// Each of the six datagrams of the handshake is lost once.
#[test]
fn handshakes_survive_the_loss_of_any_datagram() {
    for victim in 0..6 {
        let mut world = World::new(CHROMIUM);
        let count = Rc::new(Cell::new(0));
        let counted = count.clone();
        world.loss = Box::new(move |_, datagram| {
            let is_dtls = DTLS.contains(&datagram[0]);
            counted.set(counted.get() + usize::from(is_dtls));
            is_dtls && counted.get() == victim + 1
        });
        world.until("connected", |world| {
            world.client.is_connected() && world.relay.is_connected()
        });
        world.media = true;
        world.run(Duration::from_secs(1));
        assert_eq!(
            world.client.rtp.len(),
            world.sent(),
            "without datagram {victim}"
        );
        assert!(count.get() > victim, "datagram {victim} was lost");
    }
}

#[test]
fn handshakes_survive_heavy_loss() {
    for seed in 0..20_u64 {
        let mut world = World::new(CHROMIUM);
        let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        world.loss = Box::new(move |_, datagram| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            DTLS.contains(&datagram[0]) && random % 100 < 30
        });
        world.until("connected", |world| {
            world.client.is_connected() && world.relay.is_connected()
        });
    }
}

#[test]
fn a_handshake_that_never_ends_is_given_up() {
    let mut world = World::new(CHROMIUM);
    world.loss =
        Box::new(|toward, datagram| toward == Toward::Relay && DTLS.contains(&datagram[0]));
    let start = world.now;
    world.until("closed", |world| world.closed().is_some());
    assert_eq!(world.closed(), Some(Reason::HandshakeTimeout));
    assert_eq!((world.now - start).as_secs(), 30);
}

#[test]
fn a_relay_that_closes_says_so() {
    let mut world = World::connected(CHROMIUM);
    world.relay.close(world.now);
    world.step();
    assert_eq!(world.closed(), Some(Reason::Local));
    assert_eq!(world.relay.poll_timeout(), None);
    world.until("noticed by the client", |world| {
        !world.client.is_connected()
    });
}

#[test]
fn a_client_that_closes_is_heard() {
    use rtc::sansio::Protocol;

    let mut world = World::connected(CHROMIUM);
    world.client.connection.close().unwrap();
    world.until("closed", |world| world.closed().is_some());
    assert_eq!(world.closed(), Some(Reason::Remote));
}
