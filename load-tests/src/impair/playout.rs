//! What a room would have seen and heard, from the tape of its line and the log of its viewer.
//!
//! What entered the line is what there was to be seen: which packets belong to a frame, and when it was sent. A frame is shown
//! when it is whole and every frame before it that ever became whole has been, as a decoder needs them in their order.

mod showing;
mod source;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::client::{AUDIO_PAYLOAD_TYPE, Accepted, Kind, VIDEO_PAYLOAD_TYPE};
use crate::link::{Mark, Tape};
use crate::viewer::Sighting;
pub use showing::{LayerChange, Showing};
use source::{Purpose, Sent, Source};

/// What the room's audio buffer waits for.
const AUDIO_BUFFER: Duration = Duration::from_millis(200);
/// RTP ticks of an audio packet of 20 ms.
const AUDIO_TICKS: i64 = 960;
/// Opus counts at 48 kHz whatever it carries (RFC 7587 §4.1).
const AUDIO_RATE: f64 = 48_000.0;

/// What is known of a room. The tape should begin and end a second or more outside of what is judged, so that repairs of what
/// entered before are known as such, and those of what entered last are on it.
#[derive(Debug, Clone, Copy)]
pub struct Recording<'a> {
    /// What entered the line.
    pub tape: &'a Tape,
    /// What arrived.
    pub log: &'a [Sighting],
    /// What the server serves the room with, which names the SSRCs.
    pub sections: &'a [Accepted],
}

/// The verdict on a window of time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Playout {
    /// Each video that was sent to the room, in the order of their sections.
    pub sources: Vec<Showing>,
    /// Audio packets of 20 ms that were to be played.
    pub audio_packets: usize,
    /// Those that were not there when they were to be played.
    pub audio_concealed: usize,
    /// Bytes of media sent for the first time.
    pub media_bytes: u64,
    /// All other RTP bytes: sent again, or of payload types that repair or probe.
    pub repair_bytes: u64,
}

/// Judges what entered from `begin` to `end`.
pub fn judge(recording: Recording<'_>, begin: Instant, end: Instant) -> Playout {
    let mut playout = Playout::default();
    let mut video: BTreeMap<u32, Source> = BTreeMap::new();
    let mut audio: BTreeMap<u32, Source> = BTreeMap::new();
    for mark in &recording.tape.marks {
        let sources = match mark.payload_type {
            VIDEO_PAYLOAD_TYPE => &mut video,
            AUDIO_PAYLOAD_TYPE => &mut audio,
            _ => {
                playout.count(mark, Purpose::Repair, begin, end);
                continue;
            }
        };
        let purpose = sources.entry(mark.ssrc).or_default().enter(mark);
        playout.count(mark, purpose, begin, end);
    }
    for sighting in recording.log {
        let source = video.get_mut(&sighting.ssrc);
        if let Some(source) = source.or(audio.get_mut(&sighting.ssrc)) {
            source.arrive(sighting);
        }
    }
    let others: Vec<Instant> = recording.tape.marks.iter().map(|mark| mark.at).collect();
    for (ssrc, name) in names(recording.sections, &video) {
        let frames = match video.get(&ssrc) {
            Some(source) => source.frames(begin, end),
            None => Vec::new(),
        };
        let showing = Showing::of(name, &frames, &others, begin, end);
        playout.sources.push(showing);
    }
    let busiest = audio.into_values().max_by_key(|source| source.bytes);
    playout.listen(&busiest.unwrap_or_default(), begin, end);
    playout
}

/// The videos there are: what the answer names, in its order, and whatever else came.
fn names(sections: &[Accepted], video: &BTreeMap<u32, Source>) -> Vec<(u32, String)> {
    let sections = sections
        .iter()
        .filter(|section| section.kind == Kind::Video);
    let name = |section: &Accepted| section.name.clone().unwrap_or_default();
    let mut names: Vec<_> = sections
        .filter_map(|section| Some((section.ssrcs.0?, name(section))))
        .collect();
    for ssrc in video.keys() {
        if names.iter().all(|(known, _)| known != ssrc) {
            names.push((*ssrc, String::new()));
        }
    }
    names
}

impl Playout {
    fn count(&mut self, mark: &Mark, purpose: Purpose, begin: Instant, end: Instant) {
        if (begin..end).contains(&mark.at) {
            let bytes = match purpose {
                Purpose::Media => &mut self.media_bytes,
                Purpose::Repair => &mut self.repair_bytes,
            };
            *bytes += u64::from(mark.size);
        }
    }

    /// The buffer is filled by the packet that travelled fastest, and its clock runs evenly from there.
    fn listen(&mut self, source: &Source, begin: Instant, end: Instant) {
        let within: Vec<&Sent> = source
            .packets
            .values()
            .filter(|sent| sent.entered >= begin && sent.entered < end)
            .collect();
        let (Some(first), Some(last)) = (within.first(), within.last()) else {
            return;
        };
        let since = |sent: &Sent| (sent.timestamp - first.timestamp).max(0) as f64 / AUDIO_RATE;
        let transit = |sent: &&Sent| {
            let arrived = sent.arrived?.saturating_duration_since(begin).as_secs_f64();
            Some(arrived - since(sent))
        };
        let fastest = within.iter().filter_map(transit).min_by(f64::total_cmp);
        let deadline = fastest.map(|fastest| fastest + AUDIO_BUFFER.as_secs_f64());
        let played = within.iter().filter(|sent| {
            transit(sent)
                .zip(deadline)
                .is_some_and(|(transit, deadline)| transit <= deadline)
        });
        let played = played.count();
        // Packets that never entered are to be played, too.
        let span = (last.timestamp - first.timestamp) / AUDIO_TICKS + 1;
        self.audio_packets = usize::try_from(span).unwrap_or(0).max(within.len());
        self.audio_concealed = self.audio_packets - played;
    }
}

#[cfg(test)]
mod tests;
