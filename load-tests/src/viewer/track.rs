//! One received SSRC: loss, jitter, delay, gaps and the first picture.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rtc_rtcp::reception_report::ReceptionReport;

use super::jitter::Jitter;
use super::picture::FirstPicture;
use super::sequence::{Arrival, Sequence};
use super::timing::{Timing, Via};
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

/// A packet and how it came.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    /// Its header; what it carries, if it has been opened.
    pub packet: Packet<'a>,
    /// Its sequence number on the track: a repair has one of its own.
    pub sequence: u16,
    /// Its UDP payload in bytes.
    pub size: usize,
    /// Since the Unix epoch.
    pub arrival: Duration,
}

/// A received track.
pub struct Track {
    pub kind: Kind,
    pub ssrc: u32,
    /// How packets come on its own SSRC.
    pub via: Via,
    pub sequence: Sequence,
    pub jitter: Jitter,
    /// Source to arrival, in microseconds.
    pub delay: Histogram<u64>,
    /// Between consecutive arrivals, in microseconds.
    pub gap: Histogram<u64>,
    pub packets: u64,
    pub bytes: u64,
    pub last_arrival: Duration,
    /// Packets that came as repairs on an SSRC of their own, and were missing.
    pub repaired: u64,
    picture: Picture,
    has_shown: bool,
    given_up: u64,
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
    pub fn new(now: Instant, kind: Kind, via: Via, packet: &Packet<'_>, arrival: Duration) -> Self {
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
            via,
            sequence: Sequence::new(packet.sequence()),
            jitter: Jitter::new(kind.clock_rate()),
            delay: histogram(),
            gap: histogram(),
            packets: 0,
            bytes: 0,
            last_arrival: arrival,
            repaired: 0,
            picture,
            has_shown: false,
            given_up: 0,
            reported: (0, 0),
            sender_report: None,
        }
    }

    /// Takes note of a packet on the track's own SSRC; gives its delay in microseconds, if it can be told.
    pub fn arrive(
        &mut self,
        now: Instant,
        incoming: &Incoming<'_>,
        capture_time_id: Option<u8>,
        timing: &mut Timing,
    ) -> (Check, Option<u64>) {
        let Incoming {
            packet,
            size,
            arrival,
            ..
        } = incoming;
        let is_first = self.packets == 0;
        self.packets += 1;
        self.bytes += *size as u64;
        let what = match is_first {
            true => Arrival::New,
            false => self
                .sequence
                .arrive(now, incoming.sequence, self.via, timing),
        };
        let delay = self.delay_of(what, incoming, capture_time_id);
        if what == Arrival::New {
            self.jitter.arrive(*arrival, packet.timestamp());
            if !is_first {
                let gap = arrival.saturating_sub(self.last_arrival).as_micros() as u64;
                self.gap.saturating_record(gap.max(1));
            }
            self.last_arrival = *arrival;
        }
        let wanted = matches!(self.picture, Picture::Awaited { .. });
        let check = if what != Arrival::Duplicate && (wanted || self.packets % SAMPLE == 1) {
            Check::Authenticate
        } else {
            Check::Skip
        };
        (check, delay)
    }

    /// Takes note of a repair that came on another SSRC; gives its delay. Nothing of what was here already.
    pub fn repair(
        &mut self,
        now: Instant,
        incoming: &Incoming<'_>,
        capture_time_id: Option<u8>,
        timing: &mut Timing,
    ) -> Option<Option<u64>> {
        let what = self
            .sequence
            .arrive(now, incoming.sequence, Via::Repair, timing);
        self.packets += 1;
        self.bytes += incoming.size as u64;
        match what {
            Arrival::New | Arrival::Repaired => {
                self.repaired += 1;
                Some(self.delay_of(what, incoming, capture_time_id))
            }
            Arrival::Duplicate | Arrival::Stale => None,
        }
    }

    /// Looks into an authentic packet whose payload this is; true when it completes a picture that is waited for.
    pub fn inspect(&mut self, incoming: &Incoming<'_>, payload: &[u8]) -> bool {
        let Picture::Awaited { gathering, .. } = &mut self.picture else {
            return false;
        };
        let packet = &incoming.packet;
        let whole = gathering.arrive(
            incoming.sequence,
            packet.timestamp(),
            packet.marker(),
            payload,
        );
        if whole {
            self.picture = Picture::Settled;
            self.has_shown = true;
        }
        whole
    }

    /// Whether there was a picture.
    pub fn has_shown(&self) -> bool {
        self.has_shown
    }

    fn delay_of(
        &mut self,
        what: Arrival,
        incoming: &Incoming<'_>,
        capture_time_id: Option<u8>,
    ) -> Option<u64> {
        let delay = match what {
            Arrival::New | Arrival::Repaired => {
                delay(&incoming.packet, incoming.arrival, capture_time_id)?
            }
            Arrival::Duplicate | Arrival::Stale => return None,
        };
        self.delay.saturating_record(delay);
        Some(delay)
    }

    /// Whether to ask for a keyframe now.
    pub fn wants_keyframe(&mut self, now: Instant) -> bool {
        // What cannot be repaired any more, no decoder gets over without one.
        let given_up = self.sequence.given_up();
        if given_up > self.given_up && self.kind == Kind::Video {
            self.given_up = given_up;
            if matches!(self.picture, Picture::Settled) {
                self.picture = Picture::Awaited {
                    gathering: FirstPicture::default(),
                    ask_at: now,
                };
            }
        }
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

    fn track(now: Instant, kind: Kind, packet: &Packet<'_>, arrival: Duration) -> Track {
        Track::new(now, kind, Via::Either, packet, arrival)
    }

    fn incoming(bytes: &[u8], arrival: Duration) -> Incoming<'_> {
        let packet = Packet::parse(bytes).unwrap();
        Incoming {
            packet,
            sequence: packet.sequence(),
            size: bytes.len(),
            arrival,
        }
    }

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
        let mut timing = Timing::default();
        let mut all: Option<Track> = None;
        for sequence in [1, 3, 2, 2] {
            let bytes = packet(sequence, Ntp::from_unix(sent));
            let incoming = incoming(&bytes, arrival);
            let track =
                all.get_or_insert_with(|| track(now, Kind::Video, &incoming.packet, arrival));
            track.arrive(now, &incoming, Some(3), &mut timing);
        }
        let mut track = all.unwrap();
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
        let mut timing = Timing::default();
        let first = incoming(&first, arrival);
        let mut track = track(now, Kind::Video, &first.packet, arrival);
        track.arrive(now, &first, None, &mut timing);
        for sequence in (2..=100).step_by(2) {
            let bytes = packet(sequence, Ntp(0));
            track.arrive(now, &incoming(&bytes, arrival), None, &mut timing);
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
        let mut track = track(now, Kind::Video, &view, Duration::ZERO);
        assert!(!track.wants_keyframe(now));
        assert!(track.wants_keyframe(now + KEYFRAME_WAIT));
        assert!(!track.wants_keyframe(now + KEYFRAME_WAIT));
        track.picture = Picture::Settled;
        assert!(!track.wants_keyframe(now + 10 * KEYFRAME_WAIT));
    }

    #[test]
    fn a_repair_is_of_use_once() {
        let now = Instant::now();
        let sent = Duration::from_secs(1_700_000_000);
        let arrival = sent + Duration::from_millis(50);
        let mut timing = Timing::default();
        let packets = [1, 2, 3].map(|sequence| packet(sequence, Ntp::from_unix(sent)));
        let [first, lost, last] = packets.each_ref().map(|bytes| incoming(bytes, arrival));
        let mut track = track(now, Kind::Video, &first.packet, arrival);
        for incoming in [&first, &last] {
            track.arrive(now, incoming, Some(3), &mut timing);
        }
        assert_eq!(track.sequence.due(now, &timing), [2]);
        let delay = track.repair(now, &lost, Some(3), &mut timing).unwrap();
        assert!((49_000..=51_000).contains(&delay.unwrap()));
        for repeated in [&lost, &first] {
            assert_eq!(track.repair(now, repeated, Some(3), &mut timing), None);
        }
        assert_eq!(
            (track.sequence.lost(), track.repaired, track.packets),
            (0, 1, 5)
        );
    }
}
