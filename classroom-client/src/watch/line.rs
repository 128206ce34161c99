//! One slot being watched: what arrives in it goes into a player at the right time.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use participant::watch::{Frame, Slot, Statistics};
use participant::{Codec, Kind};
use tokio::sync::mpsc;

use crate::play::{self, Outputs, Player, SharedDecoded};
use crate::playout::{MediaClock, Playout};
use crate::source::Epoch;
use crate::stats::{Received, SlotReport};

/// Access units that may wait for the decoder. Beyond it the decoder is hopelessly behind: everything up to the next keyframe
/// is skipped, which bounds the delay to about two seconds.
const MOST_WAITING: u64 = 60;

/// How long a player that does not open is left alone before it is tried again.
const PAUSE: Duration = Duration::from_secs(2);

/// What a slot wants of the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    Nothing,
    /// Decoding cannot go on without one.
    Keyframe,
}

/// What can be decoded next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waiting {
    ForKeyframe,
    ForAnything,
}

pub struct Line {
    pub slot: Arc<Slot>,
    outputs: Outputs,
    player: Option<Player>,
    not_before: Option<Instant>,
    waiting: Waiting,
    clock: MediaClock,
    received: Received,
    decoded: SharedDecoded,
}

impl Line {
    pub fn new(slot: Arc<Slot>, outputs: Outputs) -> Self {
        Self {
            slot,
            outputs,
            player: None,
            not_before: None,
            waiting: Waiting::ForKeyframe,
            clock: MediaClock::default(),
            received: Received::default(),
            decoded: SharedDecoded::default(),
        }
    }

    /// Plays a frame in its turn, or skips what cannot be decoded.
    pub fn play(
        &mut self,
        frame: Frame,
        playout: &mut Playout,
        epoch: Epoch,
        reports: &mpsc::Sender<play::Event>,
    ) -> Wish {
        self.received.frames += 1;
        if let Some(delay) = delay(&frame) {
            self.received.delays.record(delay);
        }
        let arrived = epoch.nanoseconds(frame.arrived);
        let stated = frame.captured.map(nanoseconds);
        let captured = self.clock.captured(
            frame.rtp_timestamp,
            frame.codec.clock_rate(),
            stated,
            arrived,
        );
        let at = playout.schedule(captured, arrived);

        if self
            .player
            .as_ref()
            .is_some_and(|player| player.codec() != frame.codec)
        {
            self.restart();
        }
        let behind = self
            .player
            .as_ref()
            .is_some_and(|player| player.waiting() > MOST_WAITING);
        if frame.codec.kind() == Kind::Video {
            // A picture that refers to a missing one would be shown broken, or end in an error.
            if frame.discontinuity || behind {
                self.waiting = Waiting::ForKeyframe;
            }
            if self.waiting == Waiting::ForKeyframe && (!frame.keyframe || behind) {
                self.received.skipped += 1;
                return if behind {
                    Wish::Nothing
                } else {
                    Wish::Keyframe
                };
            }
        } else if behind {
            self.received.skipped += 1;
            return Wish::Nothing;
        }
        let line = self.slot.line;
        match self.player(line, frame.codec, epoch, reports) {
            Some(player) => {
                let at = Duration::from_nanos(u64::try_from(at).unwrap_or(0));
                player.push(frame.data, at, frame.keyframe);
                self.waiting = Waiting::ForAnything;
            }
            None => self.received.skipped += 1,
        }
        Wish::Nothing
    }

    fn player(
        &mut self,
        line: usize,
        codec: Codec,
        epoch: Epoch,
        reports: &mpsc::Sender<play::Event>,
    ) -> Option<&mut Player> {
        let paused = self
            .not_before
            .is_some_and(|moment| Instant::now() < moment);
        if self.player.is_none() && !paused {
            match Player::open(
                line,
                codec,
                &self.outputs,
                epoch,
                self.decoded.clone(),
                reports.clone(),
            ) {
                Ok(player) => self.player = Some(player),
                Err(error) => {
                    tracing::error!(slot = self.slot.name, %error, "cannot play");
                    self.not_before = Some(Instant::now() + PAUSE);
                }
            }
        }
        self.player.as_mut()
    }

    /// Gives up the player; the next keyframe gets a new one.
    pub fn restart(&mut self) {
        self.player = None;
        self.waiting = Waiting::ForKeyframe;
    }

    /// Ends the player's work; true if there is a player, which will report that it has finished.
    pub fn finish(&self) -> bool {
        self.player
            .as_ref()
            .inspect(|player| player.finish())
            .is_some()
    }

    pub fn show_text(&self, text: &str) {
        if let Some(player) = &self.player {
            player.show_text(text);
        }
    }

    pub fn report(
        &mut self,
        counted: Option<&Statistics>,
        start: Instant,
        interval: Duration,
    ) -> SlotReport {
        let decoded = *play::lock(&self.decoded);
        let none = Statistics::default();
        self.received.report(
            &self.slot,
            counted.unwrap_or(&none),
            &decoded,
            start,
            interval,
        )
    }
}

/// From capture to arrival. Clocks that disagree make it negative: none, then.
fn delay(frame: &Frame) -> Option<Duration> {
    let arrived = SystemTime::now().checked_sub(frame.arrived.elapsed())?;
    arrived.duration_since(frame.captured?).ok()
}

fn nanoseconds(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX / 2),
        Err(_) => 0,
    }
}
