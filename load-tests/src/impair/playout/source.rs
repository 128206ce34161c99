//! One SSRC: which packets entered, which of them arrived, and the frames they make.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::link::Mark;
use crate::viewer::Sighting;

/// After this a decoder has long given a frame up.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a packet was sent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It was sent for the first time.
    Media,
    /// It was sent again.
    Repair,
}

/// One packet that entered, and when it first came out.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    pub entered: Instant,
    pub arrived: Option<Instant>,
    pub timestamp: i64,
    marker: bool,
    layer: Option<u8>,
}

/// A frame that entered.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// When its first packet entered.
    pub entered: Instant,
    /// On the clock of 90 kHz.
    pub timestamp: i64,
    /// When it was whole, if it was in time.
    pub whole: Option<Instant>,
    /// Which layer it is from, as far as packets of it arrived that tell.
    pub layer: Option<u8>,
}

/// The packets of one SSRC by unwrapped sequence number.
#[derive(Default)]
pub struct Source {
    pub packets: BTreeMap<i64, Sent>,
    pub bytes: u64,
    sequence: Unwrapped,
    timestamp: Unwrapped,
    arriving: Unwrapped,
}

impl Source {
    /// Packets are to be given in the order in which they entered.
    pub fn enter(&mut self, mark: &Mark) -> Purpose {
        let sequence = self.sequence.of(i64::from(mark.sequence), 1 << 16);
        if self.packets.is_empty() {
            self.arriving.highest = Some(sequence);
        }
        if self.packets.contains_key(&sequence) {
            return Purpose::Repair;
        }
        let sent = Sent {
            entered: mark.at,
            arrived: None,
            timestamp: self.timestamp.of(i64::from(mark.timestamp), 1 << 32),
            marker: mark.marker,
            layer: None,
        };
        self.packets.insert(sequence, sent);
        self.bytes += u64::from(mark.size);
        Purpose::Media
    }

    /// To be given in the order in which they arrived, when all have entered.
    pub fn arrive(&mut self, sighting: &Sighting) {
        let sequence = self.arriving.of(i64::from(sighting.sequence), 1 << 16);
        if let Some(sent) = self.packets.get_mut(&sequence) {
            sent.arrived.get_or_insert(sighting.at);
            sent.layer = sent.layer.or(sighting.layer);
        }
    }

    /// The frames that began between the two times.
    pub fn frames(&self, begin: Instant, end: Instant) -> Vec<Frame> {
        let mut frames = Vec::new();
        let mut packets = self.packets.iter().peekable();
        let mut before: Option<i64> = None;
        while let Some((first, sent)) = packets.next() {
            // The tape may begin in the middle of a frame.
            let begins = before.is_some_and(|before| before + 1 == *first);
            let is_first = before.is_none();
            let (mut last, mut whole) = (*first, begins);
            let (mut done, mut marker, mut layer) = (sent.arrived, sent.marker, sent.layer);
            while let Some((next, more)) =
                packets.next_if(|(_, more)| more.timestamp == sent.timestamp)
            {
                whole &= last + 1 == *next;
                last = *next;
                marker = more.marker;
                layer = layer.or(more.layer);
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
            frames.push(Frame {
                entered: sent.entered,
                timestamp: sent.timestamp,
                whole: in_time.filter(|_| whole && ended),
                layer,
            });
        }
        frames
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
