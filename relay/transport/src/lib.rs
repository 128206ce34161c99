//! One server-side WebRTC transport without I/O: ICE-lite, DTLS server, SRTP and SRTCP.
//!
//! A [`Transport`] is one ICE + DTLS + SRTP association with a WHIP or WHEP client. It owns no
//! socket and reads no clock: the caller hands it datagrams and the time, and collects what is to
//! be sent, what happened, and when it wants to be called again.
//!
//! ```text
//!             ┌ STUN   0..=3     ice     ── authenticated checks, nominations, consent
//!  datagram ──┼ DTLS  20..=63    dtls    ── handshake, certificate, SRTP keys, close_notify
//!  (RFC 7983) └ SRTP 128..=191   srtp    ── opened in place → Received::{Rtp, Rtcp}
//! ```
//!
//! A datagram comes on a [`Path`]: over UDP, or [framed](framing) on a TCP connection that the client
//! opened because its firewall lets nothing else through. The transport does not care.
//!
//! Media leaves through [`srtp::Sealer`], which the caller drives itself, because sealing is the
//! packet path of a relay and has to happen inside its send buffer.

mod credentials;
mod discard;
mod dtls;
mod fingerprint;
pub mod framing;
mod ice;
mod identity;
mod path;
pub mod sdp;
pub mod srtp;
mod stun;
mod transport;

pub use credentials::{Credentials, ufrag_label};
pub use discard::Discard;
pub use fingerprint::{Fingerprint, FingerprintError};
pub use identity::{Identity, IdentityError};
pub use path::{Path, Protocol};
pub use stun::stun_username;
pub use transport::{Event, Reason, Received, Transmit, Transport};
