//! One received SSRC: loss, jitter, delay, gaps and the first picture.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rtc_rtcp::reception_report::ReceptionReport;

use super::jitter::Jitter;
use super::picture::FirstPicture;
use super::sequence::{Arrival, Sequence};
use crate::client::Kind;
use crate::ntp::Ntp;
use crate::rtp::Packet;

/// One packet in so many is authenticated.
const SAMPLE: u64 = 64;
/// How long a decoder waits for a keyframe before it asks for one, as libwebrtc does.
const KEYFRAME_WAIT: Duration = Duration::from_millis(200);
/// The longest delay or gap told apart, in microseconds.
const LONGEST_MICROS: u64 = 60_000_000;

/// A histogram of microseconds, one per cent fine.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_MICROS, 2).expect("the bounds are valid")
}

/// What is to be done with a packet that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// It was only counted.
    Skip,
    /// It is in the sample: authenticate it, and pass video to [`Track::inspect`].
    Authenticate,
}

/// A received track.
pub struct Track {
    pub kind: Kind,
    pub ssrc: u32,
    pub sequence: Sequence,
    pub jitter: Jitter,
    /// Source to arrival, in microseconds.
    pub delay: Histogram<u64>,
    /// Between consecutive arrivals, in microseconds.
    pub gap: Histogram<u64>,
    pub packets: u64,
    pub bytes: u64,
    pub last_arrival: Duration,
    picture: Picture,
    reported: (u64, u64),
    sender_report: Option<(u32, Instant)>,
}

enum Picture {
    /// Video that a decoder could not show yet.
    Awaited {
        gathering: FirstPicture,
        ask_at: Instant,
    },
    /// Shown, or audio.
    Settled,
}

impl Track {
    /// A track that begins with `packet`, which is yet to be passed to [`Track::arrive`].
    pub fn new(now: Instant, kind: Kind, packet: &Packet<'_>, arrival: Duration) -> Self {
        let picture = match kind {
            Kind::Video => Picture::Awaited {
                gathering: FirstPicture::default(),
                ask_at: now + KEYFRAME_WAIT,
            },
            Kind::Audio => Picture::Settled,
        };
        Self {
            kind,
            ssrc: packet.ssrc(),
            sequence: Sequence::new(packet.sequence()),
            jitter: Jitter::new(kind.clock_rate()),
            delay: histogram(),
            gap: histogram(),
            packets: 0,
            bytes: 0,
            last_arrival: arrival,
            picture,
            reported: (0, 0),
            sender_report: None,
        }
    }

    /// Takes note of a packet of `size` bytes on the wire; gives its delay in microseconds, if it can be told.
    pub fn arrive(
        &mut self,
        now: Instant,
        packet: &Packet<'_>,
        size: usize,
        arrival: Duration,
        capture_time_id: Option<u8>,
    ) -> (Check, Option<u64>) {
        let is_first = self.packets == 0;
        self.packets += 1;
        self.bytes += size as u64;
        let what = match is_first {
            true => Arrival::New,
            false => self.sequence.arrive(now, packet.sequence()),
        };
        let delay = match what {
            Arrival::New | Arrival::Repaired => delay(packet, arrival, capture_time_id),
            Arrival::Duplicate | Arrival::Stale => None,
        };
        if let Some(micros) = delay {
            self.delay.saturating_record(micros);
        }
        if what == Arrival::New {
            self.jitter.arrive(arrival, packet.timestamp());
            if !is_first {
                let gap = arrival.saturating_sub(self.last_arrival).as_micros() as u64;
                self.gap.saturating_record(gap.max(1));
            }
            self.last_arrival = arrival;
        }
        let wanted = matches!(self.picture, Picture::Awaited { .. });
        let check = if what != Arrival::Duplicate && (wanted || self.packets % SAMPLE == 1) {
            Check::Authenticate
        } else {
            Check::Skip
        };
        (check, delay)
    }

    /// Looks into an authentic packet; true when it completes the first picture.
    pub fn inspect(&mut self, packet: &Packet<'_>) -> bool {
        let Picture::Awaited { gathering, .. } = &mut self.picture else {
            return false;
        };
        let whole = gathering.arrive(
            packet.sequence(),
            packet.timestamp(),
            packet.marker(),
            packet.payload(),
        );
        if whole {
            self.picture = Picture::Settled;
        }
        whole
    }

    /// Whether to ask for a keyframe now.
    pub fn wants_keyframe(&mut self, now: Instant) -> bool {
        match &mut self.picture {
            Picture::Awaited { ask_at, .. } if *ask_at <= now => {
                *ask_at = now + KEYFRAME_WAIT;
                true
            }
            _ => false,
        }
    }

    /// Takes note of a sender report.
    pub fn hear_sender(&mut self, now: Instant, ntp: u64) {
        self.sender_report = Some((Ntp(ntp).middle(), now));
    }

    /// The block for the next receiver report (RFC 3550 §6.4.1).
    pub fn report(&mut self, now: Instant) -> ReceptionReport {
        let (expected, received) = (self.sequence.expected(), self.sequence.received());
        let lost = (expected - self.reported.0).saturating_sub(received - self.reported.1);
        let interval = (expected - self.reported.0).max(1);
        self.reported = (expected, received);
        let (last, delay) = match self.sender_report {
            Some((middle, at)) => {
                let since = now.saturating_duration_since(at);
                (middle, (since.as_micros() * 65_536 / 1_000_000) as u32)
            }
            None => (0, 0),
        };
        ReceptionReport {
            ssrc: self.ssrc,
            fraction_lost: (lost * 256 / interval).min(255) as u8,
            total_lost: self.sequence.lost().min(0x7f_ffff) as u32,
            last_sequence_number: self.sequence.extended_highest(),
            jitter: self.jitter.ticks(),
            last_sender_report: last,
            delay,
        }
    }

    /// Forgets delays and gaps: a new window of measurement begins.
    pub fn reset_window(&mut self) {
        self.delay.reset();
        self.gap.reset();
    }
}

fn delay(packet: &Packet<'_>, arrival: Duration, capture_time_id: Option<u8>) -> Option<u64> {
    let value = packet.extension(capture_time_id?)?.first_chunk::<8>()?;
    let micros = Ntp::from_unix(arrival).micros_since(Ntp(u64::from_be_bytes(*value)))?;
    // The histogram begins at one.
    Some(micros.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence: u16, sent: Ntp) -> Vec<u8> {
        let mut bytes = vec![0x90, 102];
        bytes.extend(sequence.to_be_bytes());
        bytes.extend(9000_u32.to_be_bytes());
        bytes.extend(7_u32.to_be_bytes());
        bytes.extend([0xbe, 0xde, 0, 3, 3 << 4 | 7]);
        bytes.extend(sent.0.to_be_bytes());
        bytes.extend([0, 0, 0, 0x41]);
        bytes
    }

    #[test]
    fn measures_delay_of_what_is_new_and_of_what_is_repaired() {
        let now = Instant::now();
        let sent = Duration::from_secs(1_700_000_000);
        let arrival = sent + Duration::from_millis(3);
        let mut track: Option<Track> = None;
        for sequence in [1, 3, 2, 2] {
            let bytes = packet(sequence, Ntp::from_unix(sent));
            let view = Packet::parse(&bytes).unwrap();
            let track = track.get_or_insert_with(|| Track::new(now, Kind::Video, &view, arrival));
            track.arrive(now, &view, bytes.len(), arrival, Some(3));
        }
        let mut track = track.unwrap();
        assert_eq!(track.delay.len(), 3);
        assert!(
            (2980..=3020).contains(&track.delay.max()),
            "{}",
            track.delay.max()
        );
        assert_eq!(track.gap.len(), 1);
        assert_eq!((track.sequence.lost(), track.sequence.duplicates()), (0, 1));
        track.reset_window();
        assert_eq!(track.delay.len(), 0);
    }

    #[test]
    fn reports_the_loss_of_the_interval() {
        let now = Instant::now();
        let arrival = Duration::from_secs(1);
        let first = packet(0, Ntp(0));
        let view = Packet::parse(&first).unwrap();
        let mut track = Track::new(now, Kind::Video, &view, arrival);
        track.arrive(now, &view, first.len(), arrival, None);
        for sequence in (2..=100).step_by(2) {
            let bytes = packet(sequence, Ntp(0));
            let view = Packet::parse(&bytes).unwrap();
            track.arrive(now, &view, bytes.len(), arrival, None);
        }
        let report = track.report(now);
        assert_eq!(report.total_lost, 50);
        assert_eq!(report.fraction_lost, (50 * 256 / 101) as u8);
        assert_eq!(track.report(now).fraction_lost, 0);
    }

    #[test]
    fn asks_for_a_keyframe_until_there_is_a_picture() {
        let now = Instant::now();
        let bytes = packet(0, Ntp(0));
        let view = Packet::parse(&bytes).unwrap();
        let mut track = Track::new(now, Kind::Video, &view, Duration::ZERO);
        assert!(!track.wants_keyframe(now));
        assert!(track.wants_keyframe(now + KEYFRAME_WAIT));
        assert!(!track.wants_keyframe(now + KEYFRAME_WAIT));
        track.picture = Picture::Settled;
        assert!(!track.wants_keyframe(now + 10 * KEYFRAME_WAIT));
    }
}
