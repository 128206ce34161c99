//! A light WebRTC client: just enough of ICE, DTLS and SRTP to be served by any WHIP or WHEP server.
//!
//! It is sans-I/O: [`Link`] is told the time and handed datagrams, and is asked what to send. The generator must cost less
//! than the server it measures, so nothing here is done per media packet; the media path reads headers in the clear and
//! calls [`Link`] for the few packets that are authenticated.

mod answer;
mod door;
mod ice;
mod identity;
mod link;
mod offer;

pub use answer::{Accepted, Answer, AnswerError, Setup};
pub use door::{Door, DoorError, Resource};
pub use ice::Credentials;
pub use identity::{Identity, IdentityError, Srtp};
pub use link::{Event, Link, LinkError};
pub use offer::{
    ABS_CAPTURE_TIME, AUDIO_PAYLOAD_TYPE, Abilities, CAPTURE_TIME_ID, Direction, MID_ID, Offer,
    RID_ID, RTX_PAYLOAD_TYPE, Section, Sending, VIDEO_PAYLOAD_TYPE,
};

/// What a media section carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// H.264 at 90 kHz.
    Video,
    /// Opus at 48 kHz.
    Audio,
}

impl Kind {
    /// RTP ticks per second.
    pub fn clock_rate(self) -> u32 {
        match self {
            Self::Video => 90_000,
            Self::Audio => 48_000,
        }
    }
}
