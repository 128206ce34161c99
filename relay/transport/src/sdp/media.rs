//! One m-line of an offer, read on demand.

use std::fmt;

use rtc_sdp::description::{common::Attribute, media::MediaDescription};

use super::extension::Flow;

/// What an m-line carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `m=audio`
    Audio,
    /// `m=video`
    Video,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Audio => "audio",
            Self::Video => "video",
        })
    }
}

/// An m-line with its attributes, and those of the session, which hold for every m-line that does
/// not say otherwise.
#[derive(Debug, Clone, Copy)]
pub(super) struct Section<'a> {
    pub media: &'a MediaDescription,
    pub session: &'a [Attribute],
}

impl<'a> Section<'a> {
    /// `None` for everything that is not RTP over DTLS over UDP (RFC 9429 §5.1.2 lists the
    /// spellings).
    pub fn kind(&self) -> Option<Kind> {
        let protocol = self.protocol();
        let rtp_over_dtls = matches!(
            protocol.as_str(),
            "UDP/TLS/RTP/SAVPF"
                | "UDP/TLS/RTP/SAVP"
                | "TCP/DTLS/RTP/SAVPF"
                | "TCP/DTLS/RTP/SAVP"
                | "RTP/SAVPF"
                | "RTP/SAVP"
        );
        match self.media.media_name.media.as_str() {
            "audio" if rtp_over_dtls => Some(Kind::Audio),
            "video" if rtp_over_dtls => Some(Kind::Video),
            _ => None,
        }
    }

    pub fn protocol(&self) -> String {
        self.media.media_name.protos.join("/")
    }

    pub fn formats(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.media.media_name.formats.iter().map(String::as_str)
    }

    /// A zero port disables an m-line, unless it only says that it has no transport of its own (RFC
    /// 9143 §6).
    pub fn is_enabled(&self) -> bool {
        self.media.media_name.port.value != 0 || self.has("bundle-only")
    }

    /// The m-line's `a=mid`, if it is a token of at most 64 characters.
    pub fn mid(&self) -> Option<&'a str> {
        self.values("mid")
            .next()
            .filter(|mid| (1..=64).contains(&mid.len()) && mid.bytes().all(is_token_byte))
    }

    /// One-byte header extensions hold at most 16 bytes (RFC 8285 §4.2).
    pub fn mid_fits_extension(&self) -> bool {
        self.mid().is_some_and(|mid| mid.len() <= 16)
    }

    /// Whether the client would have RTP flow that way; an m-line without direction is `sendrecv`
    /// (RFC 8866 §6.7).
    pub fn allows(&self, flow: Flow) -> bool {
        let is_direction =
            |key: &&str| matches!(*key, "sendrecv" | "sendonly" | "recvonly" | "inactive");
        let own = self
            .media
            .attributes
            .iter()
            .map(|attribute| attribute.key.as_str())
            .find(is_direction);
        let direction = own
            .or_else(|| {
                self.session
                    .iter()
                    .map(|attribute| attribute.key.as_str())
                    .find(is_direction)
            })
            .unwrap_or("sendrecv");
        match flow {
            Flow::FromClient => matches!(direction, "sendrecv" | "sendonly"),
            Flow::ToClient => matches!(direction, "sendrecv" | "recvonly"),
        }
    }

    /// Whether the m-line has the attribute `key`.
    pub fn has(&self, key: &str) -> bool {
        self.media.has_attribute(key)
    }

    /// Whether the m-line or the session has the attribute `key`.
    pub fn has_anywhere(&self, key: &str) -> bool {
        self.has(key) || self.session.iter().any(|attribute| attribute.key == key)
    }

    /// The values of the m-line's attributes `key`.
    pub fn values<'k>(&self, key: &'k str) -> impl Iterator<Item = &'a str> + use<'a, 'k> {
        values(&self.media.attributes, key)
    }

    /// The values of the session's attributes `key`.
    pub fn session_values<'k>(&self, key: &'k str) -> impl Iterator<Item = &'a str> + use<'a, 'k> {
        values(self.session, key)
    }
}

pub(super) fn values<'a>(attributes: &'a [Attribute], key: &str) -> impl Iterator<Item = &'a str> {
    attributes
        .iter()
        .filter(move |attribute| attribute.key == key)
        .filter_map(|attribute| attribute.value.as_deref())
}

/// RFC 8866 §9: `token-char`.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`{|}~".contains(&byte)
}
