//! Keys that name things inside one relay process. They are never reused and never leave it.

/// A WHIP or WHEP session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionKey(pub u64);

/// One track (m-line) of a publishing session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrackKey {
    /// The publishing session.
    pub session: SessionKey,
    /// Position of the m-line among the session's accepted tracks.
    pub index: u8,
}

/// Audio or video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Sound; lost packets are heard at once.
    Audio,
    /// Picture; needs keyframes to start.
    Video,
}

impl Kind {
    /// The name used in SDP and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Audio => "audio",
            Kind::Video => "video",
        }
    }
}
