//! One session on its worker: a transport, and the side of the media it serves.

use std::time::Instant;

use relay_transport::srtp::Profile;
use relay_transport::{Event, Path, Reason, Transport};

use super::egress::Outlet;
use super::publisher::Publisher;
use super::viewer::Viewer;
use crate::counters::Counters;

/// See the module.
pub struct Session {
    /// ICE, DTLS and SRTP.
    pub transport: Transport,
    /// What it is for.
    pub media: Media,
}

/// What a session is for.
pub enum Media {
    /// The client sends.
    Publisher(Box<Publisher>),
    /// The client receives.
    Viewer(Box<Viewer>),
}

/// What happened to a session's transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Media can flow.
    Connected,
    /// The session is over.
    Over(Reason),
}

impl Session {
    /// Sends what the transport has to send, and tells what changed.
    pub fn drain(&mut self, outlet: &mut impl Outlet, counters: &Counters) -> Option<Change> {
        self.send_pending(outlet);
        let mut change = None;
        while let Some(event) = self.transport.poll_event() {
            match event {
                Event::Connected { profile } => {
                    match profile {
                        Profile::AeadAes128Gcm => counters.connected_gcm.add(1),
                        Profile::Aes128CmSha1_80 => counters.connected_cm.add(1),
                    }
                    change = Some(Change::Connected);
                }
                Event::Nominated(_) => {}
                Event::Closed(reason) => change = Some(Change::Over(reason)),
            }
        }
        change
    }

    /// Sends RTCP, once the session is connected.
    pub fn send_rtcp(
        &mut self,
        compounds: impl IntoIterator<Item = Vec<u8>>,
        outlet: &mut impl Outlet,
    ) {
        let Some(to) = self.transport.remote() else {
            return;
        };
        let Some(sealer) = self.transport.sealer() else {
            return;
        };
        for compound in compounds {
            if let Ok(sealed) = sealer.seal_rtcp(&compound) {
                outlet.send(to, &sealed, sealed.len());
            }
        }
    }

    /// Where media goes.
    pub fn destination(&self) -> Option<Path> {
        self.transport
            .remote()
            .filter(|_| self.transport.is_connected())
    }

    /// Ends the session towards the client.
    pub fn close(&mut self, now: Instant, outlet: &mut impl Outlet) {
        self.transport.close(now);
        self.send_pending(outlet);
    }

    fn send_pending(&mut self, outlet: &mut impl Outlet) {
        while let Some(transmit) = self.transport.poll_transmit() {
            outlet.send(transmit.to, &transmit.bytes, transmit.bytes.len());
        }
    }
}
