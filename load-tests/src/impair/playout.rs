//! What a room would have seen and heard, from the tape of its line.
//!
//! What entered the line is what there was to be seen: which packets belong to a frame, and when it was sent. A frame is shown
//! when it is whole and every frame before it that ever became whole has been, as a decoder needs them in their order.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::client::{AUDIO_PAYLOAD_TYPE, VIDEO_PAYLOAD_TYPE};
use crate::link::{Mark, Place, Tape};

/// A picture that stands for longer is frozen.
const FREEZE: Duration = Duration::from_millis(200);
/// After this a decoder has long given a frame up.
const PATIENCE: Duration = Duration::from_secs(1);
/// What the room's audio buffer waits for.
const AUDIO_BUFFER: Duration = Duration::from_millis(200);
/// RTP ticks of an audio packet of 20 ms.
const AUDIO_TICKS: i64 = 960;
/// Opus counts at 48 kHz whatever it carries (RFC 7587 §4.1).
const AUDIO_RATE: f64 = 48_000.0;

/// The verdict on a window of time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Playout {
    /// Frames that were sent.
    pub frames: usize,
    /// Those that became whole in time.
    pub frames_complete: usize,
    /// Gaps between shown frames beyond 200 ms.
    pub freezes: usize,
    /// The sum of those gaps.
    pub frozen: Duration,
    /// The longest of them.
    pub longest_freeze: Duration,
    /// Audio packets of 20 ms that were to be played.
    pub audio_packets: usize,
    /// Those that were not there when they were to be played.
    pub audio_concealed: usize,
    /// Bytes of media sent for the first time.
    pub media_bytes: u64,
    /// All other RTP bytes: sent again, or of payload types that repair.
    pub repair_bytes: u64,
}

/// One packet that entered, and when it first came out.
#[derive(Debug, Clone, Copy)]
struct Sent {
    entered: Instant,
    arrived: Option<Instant>,
    timestamp: i64,
    marker: bool,
}

/// What a packet was sent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Media,
    Repair,
}

/// The packets of one SSRC by unwrapped sequence number.
#[derive(Default)]
struct Source {
    packets: BTreeMap<i64, Sent>,
    sequence: Unwrapped,
    timestamp: Unwrapped,
    bytes: u64,
}

/// Judges what entered from `begin` to `end`. The tape should begin and end a second or more outside of them, so that repairs of
/// what entered before are known as such, and those of what entered last are on it.
pub fn judge(tape: &Tape, begin: Instant, end: Instant) -> Playout {
    let mut playout = Playout::default();
    let mut video: BTreeMap<u32, Source> = BTreeMap::new();
    let mut audio: BTreeMap<u32, Source> = BTreeMap::new();
    for mark in &tape.marks {
        let sources = match mark.payload_type {
            VIDEO_PAYLOAD_TYPE => &mut video,
            AUDIO_PAYLOAD_TYPE => &mut audio,
            _ => {
                playout.count(mark, Purpose::Repair, begin, end);
                continue;
            }
        };
        let purpose = sources.entry(mark.ssrc).or_default().note(mark);
        playout.count(mark, purpose, begin, end);
    }
    let busiest =
        |sources: BTreeMap<u32, Source>| sources.into_values().max_by_key(|source| source.bytes);
    playout.look(
        &busiest(video).unwrap_or_default().frames(begin, end),
        begin,
        end,
    );
    playout.listen(&busiest(audio).unwrap_or_default(), begin, end);
    playout
}

impl Source {
    fn note(&mut self, mark: &Mark) -> Purpose {
        let sequence = self.sequence.of(i64::from(mark.sequence), 1 << 16);
        match mark.place {
            Place::Entered => {
                if self.packets.contains_key(&sequence) {
                    return Purpose::Repair;
                }
                let sent = Sent {
                    entered: mark.at,
                    arrived: None,
                    timestamp: self.timestamp.of(i64::from(mark.timestamp), 1 << 32),
                    marker: mark.marker,
                };
                self.packets.insert(sequence, sent);
                self.bytes += u64::from(mark.size);
            }
            Place::Delivered => {
                if let Some(sent) = self.packets.get_mut(&sequence) {
                    sent.arrived.get_or_insert(mark.at);
                }
            }
        }
        Purpose::Media
    }

    /// For each frame that began between the two times: when it was whole, if it was in time.
    fn frames(&self, begin: Instant, end: Instant) -> Vec<Option<Instant>> {
        let mut frames = Vec::new();
        let mut packets = self.packets.iter().peekable();
        let mut before: Option<i64> = None;
        while let Some((first, sent)) = packets.next() {
            // The tape may begin in the middle of a frame.
            let begins = before.is_some_and(|before| before + 1 == *first);
            let is_first = before.is_none();
            let (mut last, mut whole) = (*first, begins);
            let (mut done, mut marker) = (sent.arrived, sent.marker);
            while let Some((next, more)) =
                packets.next_if(|(_, more)| more.timestamp == sent.timestamp)
            {
                whole &= last + 1 == *next;
                last = *next;
                marker = more.marker;
                done = done
                    .zip(more.arrived)
                    .map(|(done, arrived)| done.max(arrived));
            }
            before = Some(last);
            if is_first || sent.entered < begin || sent.entered >= end {
                continue;
            }
            let ended = marker || packets.peek().is_some_and(|(next, _)| **next == last + 1);
            let in_time = done.filter(|done| *done <= sent.entered + PATIENCE);
            frames.push(in_time.filter(|_| whole && ended));
        }
        frames
    }
}

impl Playout {
    fn count(&mut self, mark: &Mark, purpose: Purpose, begin: Instant, end: Instant) {
        if mark.place == Place::Entered && (begin..end).contains(&mark.at) {
            let bytes = match purpose {
                Purpose::Media => &mut self.media_bytes,
                Purpose::Repair => &mut self.repair_bytes,
            };
            *bytes += u64::from(mark.size);
        }
    }

    fn look(&mut self, frames: &[Option<Instant>], begin: Instant, end: Instant) {
        self.frames = frames.len();
        self.frames_complete = frames.iter().flatten().count();
        let mut shown = begin;
        for whole in frames.iter().flatten().copied().chain([end]) {
            let gap = whole.saturating_duration_since(shown);
            if gap > FREEZE {
                self.freezes += 1;
                self.frozen += gap;
                self.longest_freeze = self.longest_freeze.max(gap);
            }
            shown = shown.max(whole);
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

/// A counter across its wraps.
#[derive(Default)]
struct Unwrapped {
    highest: Option<i64>,
}

impl Unwrapped {
    fn of(&mut self, value: i64, modulus: i64) -> i64 {
        let Some(highest) = self.highest else {
            self.highest = Some(value);
            return value;
        };
        let half = modulus / 2;
        let step = (value - highest + half).rem_euclid(modulus) - half;
        self.highest = Some(highest + step.max(0));
        highest + step
    }
}

#[cfg(test)]
mod tests;
