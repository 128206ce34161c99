//! One m-line of a session: a source of packets, its frames, its figures.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rtc::rtcp;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{
    TransportLayerNack, nack_pairs_from_sequence_numbers,
};
use rtc::rtp;

use super::arrivals::{Arrival, Arrivals, Next};
use super::capture::CaptureClock;
use super::frames::{Frames, Outcome, Piece, Whole};
use super::keyframes::Keyframes;
use super::{Config, Deliver, Event, Frame, Packet, Slot, Statistics};
use crate::answer;
use crate::mailbox::{Class, Post};
use crate::{Codec, Kind, media, wire};

/// Ranges of one negative acknowledgement: 1,012 bytes, so that it is one small datagram.
const NACK_RANGES: usize = 250;

/// What a line needs to know about the moment and its surroundings.
pub(super) struct Moment<'a> {
    pub(super) now: Instant,
    pub(super) wall_now: SystemTime,
    /// When the attempt began that led to this connection.
    pub(super) attempt: Instant,
    pub(super) config: &'a Config,
    pub(super) post: &'a Post<Event>,
    pub(super) statistics: &'a mut Statistics,
}

#[derive(Debug)]
pub(super) struct Line {
    pub(super) slot: Arc<Slot>,
    terms: answer::Line,
    source: Option<Source>,
    keyframes: Keyframes,
    delivery: Delivery,
    waits_for_first: bool,
}

/// Whether the application keeps up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delivery {
    Flows,
    /// What comes next is not what was sent next.
    Overflowed,
}

/// What sends into the line at the moment.
#[derive(Debug)]
struct Source {
    ssrc: u32,
    arrivals: Arrivals<Piece>,
    frames: Frames,
    capture: CaptureClock,
    jitter: Jitter,
    decoding: Decoding,
}

/// Whether a decoder has what it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decoding {
    /// No keyframe has come yet: whatever else comes cannot be decoded, and is not delivered.
    NotYet,
    Possible,
}

impl Line {
    /// `None` when the other side does not fill the line.
    pub(super) fn new(index: usize, terms: &answer::Line) -> Option<Self> {
        let (_, codec) = terms.formats.first().filter(|_| !terms.rejected)?;
        let name = terms.msid.clone().unwrap_or_else(|| terms.mid.clone());
        Some(Self {
            slot: Arc::new(Slot {
                name,
                line: index,
                kind: terms.kind,
                codec: *codec,
            }),
            terms: terms.clone(),
            source: None,
            keyframes: Keyframes::default(),
            delivery: Delivery::Flows,
            waits_for_first: true,
        })
    }

    /// Whether packets of this type can belong here.
    pub(super) fn accepts(&self, payload_type: u8) -> bool {
        self.terms.codec(payload_type).is_some()
    }

    pub(super) fn has_source(&self) -> bool {
        self.source.is_some()
    }

    pub(super) fn is_named(&self, packet: &rtp::Packet) -> bool {
        let mid = self
            .terms
            .mid_extension
            .and_then(|id| packet.header.get_extension(id));
        mid.is_some_and(|mid| mid.as_ref() == self.terms.mid.as_bytes())
    }

    pub(super) fn declares(&self, ssrc: u32) -> bool {
        self.terms.ssrcs.contains(&ssrc)
    }

    /// Takes a packet of this line.
    pub(super) fn receive(&mut self, packet: rtp::Packet, mut at: Moment<'_>) {
        let rtp::Packet { header, payload } = packet;
        let Some(codec) = self.terms.codec(header.payload_type) else {
            return;
        };
        let source = match &mut self.source {
            Some(source) if source.ssrc == header.ssrc => source,
            other => {
                if codec.kind() == Kind::Video {
                    self.keyframes.want(at.now);
                }
                other.insert(Source::new(header.ssrc, codec, at.config.patience))
            }
        };
        let extension = self
            .terms
            .abs_capture_time
            .and_then(|id| header.get_extension(id));
        if let Some(ntp) = extension.and_then(|payload| wire::read_abs_capture_time(&payload)) {
            source.capture.on_extension(header.timestamp, ntp);
        }
        if self.keyframes.deadline().is_some() && media::starts_keyframe(codec, &payload) {
            self.keyframes.on_begun(at.now);
        }
        let piece = Piece {
            codec,
            timestamp: header.timestamp,
            marker: header.marker,
            payload: payload.clone(),
            arrived: at.now,
        };
        let bytes = payload.len() as u64;
        match source
            .arrivals
            .insert(at.now, header.sequence_number, piece)
        {
            Arrival::New => source.jitter.on_packet(at.now, header.timestamp),
            Arrival::Repair => at.statistics.packets_repaired += 1,
            Arrival::Late => {
                at.statistics.packets_late += 1;
                return;
            }
            Arrival::Duplicate => {
                at.statistics.packets_duplicate += 1;
                return;
            }
            Arrival::Restart => {
                source.frames = Frames::new();
                source.jitter = Jitter::new(codec);
                source.decoding = Decoding::NotYet;
                if codec.kind() == Kind::Video {
                    self.keyframes.want(at.now);
                }
            }
        }
        at.statistics.packets += 1;
        at.statistics.bytes += bytes;
        at.statistics.jitter = source.jitter.value();
        if at.config.deliver == Deliver::Rtp && !payload.is_empty() {
            let packet = Packet {
                slot: self.slot.clone(),
                codec,
                sequence_number: header.sequence_number,
                rtp_timestamp: header.timestamp,
                ssrc: header.ssrc,
                payload_type: header.payload_type,
                marker: header.marker,
                payload,
                captured: source.capture.captured(header.timestamp, at.wall_now),
                arrived: at.now,
            };
            self.deliver(Event::Packet(packet), true, &mut at);
        }
        self.release(&mut at);
    }

    /// The mapping of a sender report, if it is about this line.
    pub(super) fn on_report(&mut self, ssrc: u32, rtp_time: u32, ntp: u64) {
        if let Some(source) = self.source.as_mut().filter(|source| source.ssrc == ssrc) {
            source.capture.on_report(rtp_time, ntp);
        }
    }

    pub(super) fn want_keyframe(&mut self, now: Instant) {
        if self.slot.kind == Kind::Video {
            self.keyframes.want(now);
        }
    }

    /// Lets time pass: what is to be said to the other side.
    pub(super) fn advance(
        &mut self,
        own_ssrc: u32,
        mut at: Moment<'_>,
    ) -> Vec<Box<dyn rtcp::Packet>> {
        let mut feedback: Vec<Box<dyn rtcp::Packet>> = Vec::new();
        let Some(source) = &mut self.source else {
            return feedback;
        };
        let lost = source.arrivals.give_up(at.now);
        at.statistics.packets_lost += lost;
        if lost > 0 {
            if self.slot.kind == Kind::Video {
                self.keyframes.want(at.now);
            }
            self.release(&mut at);
        }
        let Some(source) = &mut self.source else {
            return feedback;
        };
        let requests = source.arrivals.requests(at.now);
        for nacks in nack_pairs_from_sequence_numbers(&requests).chunks(NACK_RANGES) {
            let nacks = nacks.to_vec();
            feedback.push(Box::new(TransportLayerNack {
                sender_ssrc: own_ssrc,
                media_ssrc: source.ssrc,
                nacks,
            }));
        }
        if self.keyframes.is_due(at.now) {
            at.statistics.keyframe_requests += 1;
            feedback.push(Box::new(PictureLossIndication {
                sender_ssrc: own_ssrc,
                media_ssrc: source.ssrc,
            }));
        }
        feedback
    }

    /// When [`Self::advance`] has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let source = self.source.as_ref()?;
        source
            .arrivals
            .deadline()
            .into_iter()
            .chain(self.keyframes.deadline())
            .min()
    }

    /// Puts together what has come in order.
    fn release(&mut self, at: &mut Moment<'_>) {
        loop {
            let Some(source) = &mut self.source else {
                return;
            };
            let outcomes = match source.arrivals.next() {
                Some(Next::Packet(piece)) if piece.payload.is_empty() => Vec::new(),
                Some(Next::Packet(piece)) => source.frames.push(piece),
                Some(Next::Gap) => {
                    source.frames.gap();
                    Vec::new()
                }
                None => return,
            };
            for outcome in outcomes {
                match outcome {
                    Outcome::Whole(whole) => self.on_frame(whole, at),
                    Outcome::Broken => at.statistics.frames_broken += 1,
                }
            }
        }
    }

    fn on_frame(&mut self, whole: Whole, at: &mut Moment<'_>) {
        let Some(source) = &mut self.source else {
            return;
        };
        if source.decoding == Decoding::NotYet && !whole.keyframe {
            source.frames.undelivered();
            return;
        }
        source.decoding = Decoding::Possible;
        at.statistics.frames += 1;
        at.statistics.keyframes += u64::from(whole.keyframe);
        if whole.keyframe {
            self.keyframes.on_complete();
            if std::mem::take(&mut self.waits_for_first) {
                at.statistics.first_frame = Some(at.now.saturating_duration_since(at.attempt));
            }
        }
        let captured = source.capture.captured(whole.timestamp, at.wall_now);
        if let Some(captured) = captured {
            let arrived = at
                .wall_now
                .checked_sub(at.now.saturating_duration_since(whole.arrived));
            if let Some(one_way) = arrived.and_then(|arrived| arrived.duration_since(captured).ok())
            {
                at.statistics.on_one_way(one_way);
            }
        }
        if at.config.deliver == Deliver::Frames {
            let keyframe = whole.keyframe;
            let frame = Frame {
                slot: self.slot.clone(),
                codec: whole.codec,
                data: whole.data,
                keyframe,
                rtp_timestamp: whole.timestamp,
                captured,
                arrived: whole.arrived,
                discontinuity: whole.discontinuity,
            };
            self.deliver(Event::Frame(frame), keyframe, at);
        }
    }

    /// Hands media to the application. `fresh`: it needs nothing before it.
    fn deliver(&mut self, event: Event, fresh: bool, at: &mut Moment<'_>) {
        if at.post.send(Class::Media, event).is_err() {
            at.statistics.overflowed += 1;
            self.delivery = Delivery::Overflowed;
            if let Some(source) = &mut self.source {
                source.frames.undelivered();
            }
        } else if std::mem::replace(&mut self.delivery, Delivery::Flows) == Delivery::Overflowed
            && !fresh
        {
            // Asked only now that somebody reads again: an application that does not must not cost everybody keyframes.
            self.want_keyframe(at.now);
        }
    }
}

impl Source {
    fn new(ssrc: u32, codec: Codec, patience: Duration) -> Self {
        Self {
            ssrc,
            arrivals: Arrivals::new(patience),
            frames: Frames::new(),
            capture: CaptureClock::new(codec.clock_rate()),
            jitter: Jitter::new(codec),
            decoding: Decoding::NotYet,
        }
    }
}

impl Statistics {
    fn on_one_way(&mut self, one_way: Duration) {
        self.one_way = Some(one_way);
        self.one_way_range = Some(match self.one_way_range {
            Some((low, high)) => (low.min(one_way), high.max(one_way)),
            None => (one_way, one_way),
        });
    }
}

/// Interarrival jitter (RFC 3550 §6.4.1 and appendix A.8).
#[derive(Debug)]
struct Jitter {
    clock_rate: u32,
    previous: Option<(Instant, u32)>,
    /// Seconds.
    value: f64,
}

impl Jitter {
    fn new(codec: Codec) -> Self {
        Self {
            clock_rate: codec.clock_rate(),
            previous: None,
            value: 0.0,
        }
    }

    fn on_packet(&mut self, now: Instant, timestamp: u32) {
        if let Some((before, stamp)) = self.previous.replace((now, timestamp)) {
            let apart =
                f64::from(timestamp.wrapping_sub(stamp) as i32) / f64::from(self.clock_rate);
            let difference = now.saturating_duration_since(before).as_secs_f64() - apart;
            self.value += (difference.abs() - self.value) / 16.0;
        }
    }

    fn value(&self) -> Duration {
        Duration::try_from_secs_f64(self.value).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_is_the_mean_deviation_of_the_spacing() {
        let (start, mut jitter) = (Instant::now(), Jitter::new(Codec::H264));
        for n in 0..500_u32 {
            // Every second packet comes 10 ms late.
            let arrival = start + Duration::from_millis(u64::from(33 * n + n % 2 * 10));
            jitter.on_packet(arrival, n * 33 * 90);
        }
        assert!(
            jitter.value().abs_diff(Duration::from_millis(10)) < Duration::from_millis(1),
            "{jitter:?}"
        );
    }
}
