//! What lies under a participant: sockets, timers, the wall clock, and the way an offer travels.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use webrtc::runtime::Runtime;

use crate::signalling::Signalling;

/// What a participant stands on. The default is the real world; scenarios in virtual time replace it.
#[derive(Clone)]
pub struct Platform {
    /// Sockets, timers and tasks of the WebRTC library.
    pub runtime: Arc<dyn Runtime>,
    /// How an offer becomes an answer.
    pub signalling: Signalling,
    /// Which local addresses media uses.
    pub addresses: Addresses,
    /// The clock that capture times and one-way delays refer to.
    pub wall_clock: fn() -> SystemTime,
}

/// Which local addresses media uses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Addresses {
    /// Every interface; loopback too when the door is on this machine.
    #[default]
    Automatic,
    /// Exactly these; port 0 picks one.
    Only(Vec<SocketAddr>),
}

impl Default for Platform {
    fn default() -> Self {
        todo!("sockets with large buffers")
    }
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Platform")
            .field("runtime", &self.runtime.name())
            .field("signalling", &self.signalling)
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}
