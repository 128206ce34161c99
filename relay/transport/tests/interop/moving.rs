//! Clients that change their address or their credentials, or vanish.

use std::time::Duration;

use relay_transport::{Credentials, Event, Path, Reason};

use crate::client::{CHROMIUM, WITHOUT_GCM};
use crate::world::{HOME, World, path};

const ELSEWHERE: &str = "[2001:db8::7]:62000";

#[test]
fn packets_keep_flowing_after_the_client_has_moved() {
    for profiles in [CHROMIUM, WITHOUT_GCM] {
        let mut world = World::connected(profiles);
        world.media = true;
        world.run(Duration::from_secs(1));
        world.outside = path(ELSEWHERE);
        world.until("followed", |world| {
            world.relay.remote() == Some(world.outside)
        });
        assert!(world.events.contains(&Event::Nominated(world.outside)));
        let (to_client, to_relay, sent) = (world.client.rtp.len(), world.rtp.len(), world.sent());
        world.run(Duration::from_secs(40));
        assert_eq!(world.client.rtp.len() - to_client, world.sent() - sent);
        assert_eq!(world.rtp.len() - to_relay, world.sent() - sent);
        assert_eq!(world.closed(), None);
    }
}

#[test]
fn a_client_can_come_back_to_its_first_address() {
    let mut world = World::connected(CHROMIUM);
    for address in [ELSEWHERE, HOME, ELSEWHERE] {
        world.outside = path(address);
        world.until("followed", |world| {
            world.relay.remote() == Some(world.outside)
        });
    }
}

/// As when a firewall begins or ceases to drop UDP, and the client's port happens to be the same.
#[test]
fn the_same_address_over_another_protocol_is_another_path() {
    let mut world = World::connected(CHROMIUM);
    world.media = true;
    world.run(Duration::from_secs(1));
    let address = world.outside.address;
    for outside in [Path::tcp(address), Path::udp(address)] {
        world.outside = outside;
        world.until("followed", |world| {
            world.relay.remote() == Some(world.outside)
        });
        let (received, sent) = (world.client.rtp.len(), world.sent());
        world.run(Duration::from_secs(5));
        assert_eq!(world.client.rtp.len() - received, world.sent() - sent);
    }
}

#[test]
fn an_ice_restart_does_not_interrupt_the_media() {
    let mut world = World::connected(CHROMIUM);
    world.media = true;
    world.run(Duration::from_secs(1));
    let renewed = Credentials::random();
    world.relay.restart_ice(renewed.clone());
    // The client goes on under the old credentials until it has the answer.
    world.run(Duration::from_secs(5));
    assert!(world.discards.is_empty(), "{:?}", world.discards);
    world.client.offer(world.now, true);
    world
        .client
        .accept(world.now, &renewed, world.identity.fingerprint());
    world.run(Duration::from_secs(40));
    let (to_client, to_relay, sent) = (world.client.rtp.len(), world.rtp.len(), world.sent());
    world.run(Duration::from_secs(5));
    assert_eq!(world.client.rtp.len() - to_client, world.sent() - sent);
    assert_eq!(world.rtp.len() - to_relay, world.sent() - sent);
    assert_eq!(world.closed(), None);
}

#[test]
fn a_client_that_vanishes_is_given_up_after_thirty_seconds() {
    let mut world = World::connected(CHROMIUM);
    world.run(Duration::from_secs(10));
    world.loss = Box::new(|_, _| true);
    let start = world.now;
    world.until("closed", |world| world.closed().is_some());
    assert_eq!(world.closed(), Some(Reason::ConsentExpired));
    let waited = world.now - start;
    assert!(waited <= Duration::from_secs(30) && waited >= Duration::from_secs(25));
}
