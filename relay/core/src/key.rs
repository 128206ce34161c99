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

/// Most layers a track may have at a time.
pub const MAX_LAYERS: usize = 4;

/// Some of a track's layers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LayerSet(u8);

impl LayerSet {
    /// No layer.
    pub const EMPTY: Self = Self(0);

    /// One layer, below [`MAX_LAYERS`].
    pub fn of(layer: u8) -> Self {
        Self(1 << (layer & 7))
    }

    /// Both sets together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This set without the other.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether the layer is in it.
    pub fn contains(self, layer: u8) -> bool {
        self.0 & Self::of(layer).0 != 0
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}
