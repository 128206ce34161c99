//! How a seat's line is, as clients, the operator and the record are told.

mod sentence;
mod situation;

pub use sentence::{Listener, Sentence};
pub use situation::{Grade, Hop, Remedy, Situation};

use serde::{Deserialize, Serialize};

use crate::{LessonId, Role, SeatId, Source};

/// A seat's line now: what is the matter in one sentence, and the figures behind it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Whose line.
    pub seat: SeatId,
    /// What the seat is to the lesson.
    pub role: Role,
    /// How it is, in one of four words: the colour to show.
    pub grade: Grade,
    /// Which part of the way is to blame, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hop: Option<Hop>,
    /// What is the matter.
    pub situation: Situation,
    /// The same for people.
    pub sentence: Sentence,
    /// What the seat receives; absent while it does not watch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downlink: Option<Downlink>,
    /// What the seat sends, by source.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uplinks: Vec<Uplink>,
    /// What the seat's players have told since it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playback: Option<Playback>,
    /// How often and how long it was cut.
    pub outages: Outages,
}

impl Line {
    /// The same line, told to somebody else.
    pub fn told_to(mut self, listener: Listener) -> Self {
        self.sentence = self.situation.sentence(listener);
        self
    }
}

/// The lines of a lesson: the body of `GET /api/lessons/{lesson}/lines`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LessonLines {
    /// The lesson.
    pub lesson: LessonId,
    /// Every seat that is there or expected back, by name.
    pub lines: Vec<Line>,
}

/// What any direction of a line is measured by, over the last few seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Media that went over it, bit/s.
    pub rate_bps: u64,
    /// Packets missing before any repair, in percent with one decimal.
    pub loss_percent: f64,
    /// Packets still missing after repair, in percent with two decimals; absent while nobody has told. Players tell of pictures only:
    /// lost sound shows in [`Playback::concealed_ms`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_after_repair_percent: Option<f64>,
    /// There and back, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip_ms: Option<u32>,
    /// Interarrival jitter, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter_ms: Option<u32>,
}

/// From the relay to the seat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Downlink {
    /// Its figures.
    #[serde(flatten)]
    pub figures: Figures,
    /// What it is estimated to carry, bit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate_bps: Option<u64>,
    /// The pictures it is sent, in the order of their slots; empty slots are left out.
    pub slots: Vec<Slot>,
}

/// A picture that a seat is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// The slot's name: `camera`, `courseware`, `stage-1` …
    pub slot: String,
    /// How much of it.
    #[serde(flatten)]
    pub shown: Shown,
}

/// How much of a picture a seat is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "shown", rename_all = "snake_case")]
pub enum Shown {
    /// Nothing at present: the line is too narrow.
    Paused,
    /// One of its layers.
    Layer {
        /// Its place, counted from 0 for the lowest.
        layer: u8,
        /// How many there are at present.
        layers: u8,
    },
}

impl Shown {
    /// Whether it is the best there is.
    pub fn is_full(self) -> bool {
        matches!(self, Shown::Layer { layer, layers } if layer + 1 >= layers)
    }
}

/// From the seat to the relay, for one source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Uplink {
    /// What is sent.
    pub source: Source,
    /// Its figures.
    #[serde(flatten)]
    pub figures: Figures,
}

/// What a player has counted since its hello.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Playback {
    /// Times a picture stood still.
    pub freezes: u64,
    /// For how long in all, in milliseconds.
    pub freeze_ms: u64,
    /// Sound that was missing and made up, in milliseconds.
    pub concealed_ms: u64,
    /// Frames decoded.
    pub frames_decoded: u64,
    /// Packets of pictures missing for good: not those that a repetition brought after all.
    pub packets_lost: u64,
}

impl Playback {
    /// What was added since `before`; all of it when a counter began again, as after a reload.
    pub fn since(&self, before: &Self) -> Self {
        let sub = u64::checked_sub;
        let difference = || {
            Some(Self {
                freezes: sub(self.freezes, before.freezes)?,
                freeze_ms: sub(self.freeze_ms, before.freeze_ms)?,
                concealed_ms: sub(self.concealed_ms, before.concealed_ms)?,
                frames_decoded: sub(self.frames_decoded, before.frames_decoded)?,
                // Receivers take back what came late (RFC 3550 §6.4.1), so this one may fall.
                packets_lost: self.packets_lost.saturating_sub(before.packets_lost),
            })
        };
        difference().unwrap_or(*self)
    }

    /// Both together. No claim of a client can overflow it.
    pub fn plus(&self, more: &Self) -> Self {
        let add = u64::saturating_add;
        Self {
            freezes: add(self.freezes, more.freezes),
            freeze_ms: add(self.freeze_ms, more.freeze_ms),
            concealed_ms: add(self.concealed_ms, more.concealed_ms),
            frames_decoded: add(self.frames_decoded, more.frames_decoded),
            packets_lost: add(self.packets_lost, more.packets_lost),
        }
    }
}

/// How often and how long a line was cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outages {
    /// Outages of more than a second, the present one included.
    pub count: u32,
    /// Their length in all, in milliseconds.
    pub total_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_player_that_begins_again_adds_what_it_counted_since() {
        let first = Playback {
            freezes: 3,
            freeze_ms: 900,
            frames_decoded: 1_000,
            packets_lost: 7,
            ..Playback::default()
        };
        let later = Playback {
            freezes: 4,
            freeze_ms: 1_000,
            frames_decoded: 1_100,
            packets_lost: 5,
            ..first
        };
        let added = later.since(&first);
        assert_eq!((added.freezes, added.frames_decoded), (1, 100));
        assert_eq!(added.packets_lost, 0, "taken back is not negative");
        let reloaded = Playback {
            frames_decoded: 30,
            ..Playback::default()
        };
        assert_eq!(reloaded.since(&later), reloaded);
        let endless = Playback {
            freezes: u64::MAX,
            ..Playback::default()
        };
        assert_eq!(endless.plus(&later).freezes, u64::MAX);
    }

    #[test]
    fn only_the_top_layer_is_the_best_there_is() {
        let layer = |layer, layers| Shown::Layer { layer, layers };
        assert!(layer(0, 1).is_full() && layer(2, 3).is_full());
        assert!(!layer(1, 3).is_full() && !Shown::Paused.is_full());
    }
}
