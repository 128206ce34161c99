//! Finding out what a source delivers.

use std::collections::VecDeque;
use std::time::Duration;

use participant::VideoFormat;
use tokio::sync::mpsc;

use super::{Event, Formats, OpenError, QUEUE, Track};
use crate::{h264, opus};

/// How much longer sound is waited for of a source that may have none.
const SOUND_PATIENCE: Duration = Duration::from_secs(2);

/// Whether sound is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    Nothing,
    Perhaps,
    Surely,
}

/// Reads events until the formats are known, and keeps them.
pub async fn learn(
    events: &mut mpsc::Receiver<Event>,
    early: &mut VecDeque<Event>,
    known: Option<Formats>,
    expected: Expected,
) -> Result<Formats, OpenError> {
    let mut video = known.map(|formats| formats.video);
    let mut audio = known.and_then(|formats| formats.audio);
    let mut expected = expected;
    let mut deadline = None;
    loop {
        if let (Some(video), true) = (video, audio.is_some() || expected == Expected::Nothing) {
            return Ok(Formats { video, audio });
        }
        if video.is_some() && expected == Expected::Perhaps && deadline.is_none() {
            deadline = Some(tokio::time::Instant::now() + SOUND_PATIENCE);
        }
        let event = match deadline {
            None => events.recv().await,
            Some(deadline) => match tokio::time::timeout_at(deadline, events.recv()).await {
                Ok(event) => event,
                Err(_) => {
                    expected = Expected::Nothing;
                    continue;
                }
            },
        };
        match event {
            Some(Event::Frame(track, frame)) => {
                match track {
                    // The best layer has the highest level, which is what is announced.
                    Track::Layer(0) if video.is_none() => {
                        video = h264::profile_level_id(&frame.payload)
                            .map(|profile_level_id| VideoFormat::H264 { profile_level_id });
                    }
                    Track::Sound if audio.is_none() => audio = Some(opus::format(&frame.payload)),
                    Track::Sound | Track::Layer(_) => {}
                }
                // Pictures before the first keyframe are of no use, and waiting ones are old by the time they are sent.
                if early.len() < QUEUE {
                    early.push_back(Event::Frame(track, frame));
                }
            }
            Some(Event::Failed(reason)) => return Err(OpenError::Unusable(reason)),
            Some(Event::Ended) | None => {
                return Err(OpenError::Unusable("the source ended at once".into()));
            }
        }
    }
}
