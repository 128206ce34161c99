//! The relay's half of the offer/answer exchange (RFC 9429) for its two doors.
//!
//! [`publish`] answers a WHIP offer (media comes from the client), [`watch`] answers a WHEP offer
//! (media goes to the client). Both are pure: text in, a typed outcome and the text of the answer
//! out. Everything is answered on one transport: BUNDLE and rtcp-mux are required, the relay is
//! ICE-lite and DTLS-passive. Any input is answered with a value or an [`OfferError`].
//!
//! ```text
//!  offer ──▶ Offer (sections, BUNDLE, Remote) ──▶ per section: codecs, extensions, sources ──▶ tracks or slots
//!                                                                                         └──▶ answer
//! ```

mod answer;
mod candidate;
mod codec;
mod error;
mod extension;
pub mod fragment;
mod media;
mod negotiation;
mod offer;
mod pick;
mod publish;
mod sources;
mod watch;

pub use codec::{Codec, CodecBinding, Feedback};
pub use error::{Malformed, OfferError, Unacceptable};
pub use extension::Extensions;
pub use media::Kind;
pub use pick::pick;
pub use publish::{PublishedTrack, Publishing, publish};
pub use watch::{WatchPlan, WatchedSlot, Watching, watch};

use crate::{Credentials, Fingerprint, Path};

/// What an answer tells the client about the relay.
#[derive(Debug, Clone, Copy)]
pub struct Local<'a> {
    /// The ICE credentials the relay will check this session's STUN requests against.
    pub credentials: &'a Credentials,
    /// The relay's DTLS certificate.
    pub fingerprint: &'a Fingerprint,
    /// Where the session's worker is reachable, most preferred first of each protocol; IPv4 and
    /// IPv6, already translated for NAT 1:1. Clients prefer UDP.
    pub candidates: &'a [Path],
    /// The `sess-id` of the answer's `o=` line: unique per session, below 2^63.
    pub session_id: u64,
    /// What the relay does with the media of this session.
    pub features: Features,
}

/// What the relay implements at one door; what is off is not answered even if the client offers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Features {
    /// RTCP feedback that the relay sends (WHIP) or acts on (WHEP).
    pub feedback: Feedback,
    /// Retransmission on an SSRC of its own (RFC 4588).
    pub rtx: bool,
    /// Redundant audio (RFC 2198).
    pub red: bool,
    /// The AV1 dependency descriptor. It needs two-byte header extensions, which are answered only
    /// with it.
    pub dependency_descriptor: bool,
    /// Answered to Chromium-like publishers as `x-google-start-bitrate`, so that they begin with a
    /// full-size picture, kbit/s.
    pub start_bitrate_kbps: Option<u32>,
}

impl Default for Features {
    /// NACK, PLI, FIR, RTX and RED; no bandwidth estimation.
    fn default() -> Self {
        Self {
            feedback: Feedback {
                nack: true,
                pli: true,
                fir: true,
                transport_cc: false,
                remb: false,
            },
            rtx: true,
            red: true,
            dependency_descriptor: false,
            start_bitrate_kbps: None,
        }
    }
}

/// What the offer told about the client's side of the transport. The client is always the DTLS
/// client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// The client's ICE credentials; ICE-lite needs only the fragment, as the second half of STUN
    /// user names.
    pub credentials: Credentials,
    /// What the client's DTLS certificate must hash to.
    pub fingerprint: Fingerprint,
}
