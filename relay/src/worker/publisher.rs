//! The receiving side of a WHIP session: which packet belongs to which layer of which track, and RTCP back.

mod layers;
mod line;
mod routing;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use congestion::arrivals::{self, Arrivals};
use relay_core::codec::Format;
use relay_core::ingest::{Incoming, PayloadFormat, Receiver};
use relay_core::key::{Kind, LayerSet, SessionKey};
use relay_core::keyframe::KeyframeRequest;
use relay_core::packet::{ElementIds, Packet, Space};
use relay_core::red::Red;
use relay_core::report::{ClockReading, compact};
use relay_core::rtp::{self, View};
use relay_transport::sdp::{Codec, CodecBinding, Extensions, PublishedTrack};
use rtc_rtcp::reception_report::ReceptionReport;

use super::mail::TrackDescription;
use super::rtcp;
use super::track::{Track, Tracks};
use crate::counters::Counters;
use layers::Layer;

/// Packets asked for in one message: four bytes each at worst, and larger datagrams do not leave.
const MAX_NACK: usize = 256;
/// Shortest time between two readings of one clock. Reports come a second apart; more of them would only be passed on.
const CLOCK_INTERVAL: Duration = Duration::from_millis(100);

/// A publisher's tracks and the SSRCs they arrive on.
pub struct Publisher {
    key: SessionKey,
    tracks: Vec<Line>,
    sources: Vec<Source>,
    by_ssrc: HashMap<u32, Use>,
    spaces: u64,
    /// Transport-wide arrival times, where the client numbers its packets.
    arrivals: Option<(u8, Arrivals)>,
    feedback_due: Instant,
    /// Packets and bytes so far.
    received: (u64, u64),
    totals: line::Totals,
    counters: Arc<Counters>,
}

/// One m-line.
struct Line {
    published: PublishedTrack,
    description: Arc<TrackDescription>,
    ids: ElementIds,
    /// In the order in which they first came; a packet's layer is its place here.
    layers: Vec<Layer>,
}

/// What an SSRC carries.
#[derive(Debug, Clone, Copy)]
enum Use {
    Media,
    /// Retransmissions of another SSRC (RFC 4588).
    Repair {
        of: u32,
    },
}

/// One media SSRC.
struct Source {
    ssrc: u32,
    line: usize,
    layer: u8,
    receiver: Receiver,
    keyframe: KeyframeRequest,
    clock: Option<ClockReading>,
}

/// A packet to be forwarded.
pub struct Taken {
    /// Its track.
    pub description: Arc<TrackDescription>,
    /// The packet.
    pub packet: Arc<Packet>,
}

impl Publisher {
    /// The session's tracks, as negotiated.
    pub fn new(
        now: Instant,
        key: SessionKey,
        tracks: Vec<(PublishedTrack, Arc<TrackDescription>)>,
        counters: Arc<Counters>,
    ) -> Self {
        // All m-lines share the transport and, by BUNDLE, the identifier.
        let arrivals = tracks
            .iter()
            .find_map(|(published, _)| published.extensions.transport_cc)
            .map(|id| (id, Arrivals::new(now)));
        let tracks = tracks
            .into_iter()
            .map(|(published, description)| Line {
                ids: element_ids(&published.extensions),
                published,
                description,
                layers: Vec::new(),
            })
            .collect();
        Self {
            key,
            tracks,
            sources: Vec::new(),
            by_ssrc: HashMap::new(),
            spaces: 0,
            arrivals,
            feedback_due: now,
            received: (0, 0),
            totals: line::Totals::default(),
            counters,
        }
    }

    /// What it publishes.
    pub fn descriptions(&self) -> impl Iterator<Item = &Arc<TrackDescription>> {
        self.tracks.iter().map(|line| &line.description)
    }

    /// Takes a plain RTP packet in, and hands on what is to be forwarded.
    pub fn receive(
        &mut self,
        now: Instant,
        packet: &[u8],
        tracks: &mut Tracks,
        mut forward: impl FnMut(Taken),
    ) {
        let Some(view) = View::parse(packet) else {
            self.counters.unroutable_packets.add(1);
            return;
        };
        self.note_arrival(now, &view);
        let Some((at, incoming)) = self.route(now, view) else {
            self.counters.unroutable_packets.add(1);
            return;
        };
        self.received.0 += 1;
        self.received.1 += packet.len() as u64;
        let line = &self.tracks[self.sources[at].line];
        let Some(format) = payload_format(&line.published.codecs, incoming.payload_type) else {
            return;
        };
        if format.format != Format::Red {
            self.take(now, at, incoming, tracks).map(forward);
            return;
        }
        let Some(red) = Red::read(incoming.payload) else {
            self.counters.unroutable_packets.add(1);
            return;
        };
        // The newest frame first: it tells what is missing.
        let newest = self.take(now, at, incoming.newest(&red), tracks);
        for block in red.blocks() {
            let earlier = incoming.earlier(&red, block);
            if self.sources[at].receiver.misses(earlier.sequence_number) {
                self.take(now, at, earlier, tracks).map(&mut forward);
            }
        }
        newest.map(forward);
    }

    /// Takes one media packet of a source in; `None` when there is nothing to forward.
    fn take(
        &mut self,
        now: Instant,
        at: usize,
        incoming: Incoming<'_>,
        tracks: &mut Tracks,
    ) -> Option<Taken> {
        let source = &mut self.sources[at];
        let line = &mut self.tracks[source.line];
        let format = payload_format(&line.published.codecs, incoming.payload_type)?;
        let track = tracks.get_mut(&line.description.key)?;
        let cache = track.cache_mut(source.receiver.space());
        let repaired_before = source.receiver.repaired;
        let bytes = incoming.payload.len() + rtp::FIXED_HEADER;
        let Ok(taken) = source
            .receiver
            .receive(now, cache, &line.ids, format, incoming)
        else {
            self.counters.duplicate_packets.add(1);
            return None;
        };
        self.counters.received_packets.add(1);
        self.counters.received_bytes.add(bytes as u64);
        self.counters
            .repaired_packets
            .add(source.receiver.repaired - repaired_before);
        if taken.packet.keyframe {
            source.keyframe.arrived();
        }
        if taken.outage && line.description.kind == Kind::Video {
            track.keyframes_wanted = track.keyframes_wanted.with(LayerSet::of(source.layer));
        }
        let layer = &mut line.layers[usize::from(source.layer)];
        let starts = line.description.kind == Kind::Audio || taken.packet.keyframe;
        if !layer.takes(source.ssrc, starts) {
            return None;
        }
        layer.meter.add(now, taken.packet.timestamp, bytes);
        track.note_latest(&taken.packet);
        Some(Taken {
            description: line.description.clone(),
            packet: taken.packet,
        })
    }

    /// A sender report came. Returns the track and layer whose clock it is.
    pub fn sender_report(
        &mut self,
        ssrc: u32,
        reading: ClockReading,
    ) -> Option<(Arc<TrackDescription>, Space)> {
        let source = self.sources.iter_mut().find(|source| source.ssrc == ssrc)?;
        let since =
            |before: ClockReading| reading.arrived.saturating_duration_since(before.arrived);
        if source
            .clock
            .is_some_and(|before| since(before) < CLOCK_INTERVAL)
        {
            return None;
        }
        source.clock = Some(reading);
        Some((
            self.tracks[source.line].description.clone(),
            source.receiver.space(),
        ))
    }

    /// Requests for keyframes that viewers of `track` need, as RTCP.
    pub fn keyframe_requests(&mut self, now: Instant, track: &mut Track) -> Vec<Vec<u8>> {
        let key = track.description.key;
        let Some(at) = (self.tracks.iter()).position(|line| line.description.key == key) else {
            return Vec::new();
        };
        let wanted = std::mem::take(&mut track.keyframes_wanted);
        let watched = track.watched();
        let mut requests = Vec::new();
        for source in self.sources.iter_mut().filter(|source| source.line == at) {
            let layer = &mut self.tracks[at].layers[usize::from(source.layer)];
            layer.review(now);
            // What nobody sees nobody waits for, whoever did before.
            if !layer.is_current(source.ssrc) || !watched.contains(source.layer) {
                source.keyframe.arrived();
                continue;
            }
            if layer.asks(source.ssrc, wanted.contains(source.layer)) {
                source.keyframe.want();
            }
            if source.keyframe.poll(now) {
                requests.push(rtcp::picture_loss_indication(source.ssrc));
            }
        }
        self.counters
            .keyframe_requests_sent
            .add(requests.len() as u64);
        requests
    }

    /// Requests for missing packets, as RTCP.
    pub fn nacks(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let mut nacks = Vec::new();
        for source in &mut self.sources {
            let missing = source.receiver.poll_nacks(now);
            if !missing.is_empty() {
                self.counters.nacks_sent.add(missing.len() as u64);
                let messages = missing.chunks(MAX_NACK);
                nacks.extend(messages.map(|missing| rtcp::nack(source.ssrc, missing)));
            }
        }
        nacks
    }

    /// What the client's congestion control is waiting for, as RTCP.
    pub fn transport_feedback(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let (Some((_, arrivals)), Some(source)) = (&mut self.arrivals, self.sources.first()) else {
            return Vec::new();
        };
        if now < self.feedback_due {
            return Vec::new();
        }
        self.feedback_due = now + arrivals::INTERVAL;
        let feedbacks = std::iter::from_fn(|| arrivals.poll());
        feedbacks
            .map(|feedback| rtcp::transport_feedback(source.ssrc, &feedback))
            .collect()
    }

    /// The periodic report about every source, as RTCP.
    pub fn report(&mut self, now: Instant) -> Option<Vec<u8>> {
        let reports: Vec<_> = self
            .sources
            .iter_mut()
            .filter_map(|source| source.report(now))
            .take(31)
            .collect();
        (!reports.is_empty()).then(|| rtcp::receiver_report(reports))
    }

    /// When [`nacks`](Self::nacks) has something to say.
    pub fn poll_nacks(&self) -> Option<Instant> {
        let due = |source: &Source| source.receiver.poll_timeout();
        self.sources.iter().filter_map(due).min()
    }

    /// Probes and packets of no track count too: they took the same way.
    fn note_arrival(&mut self, now: Instant, view: &View<'_>) {
        let Some((id, arrivals)) = &mut self.arrivals else {
            return;
        };
        let number = view
            .extensions()
            .find(|(other, _)| other == id)
            .and_then(|(_, value)| value.first_chunk());
        if let Some(number) = number {
            arrivals.received(now, u16::from_be_bytes(*number));
        }
    }
}

impl Source {
    fn report(&mut self, now: Instant) -> Option<ReceptionReport> {
        let block = self.receiver.reception()?.block();
        let (last_sender_report, delay) = self.clock.map_or((0, 0), |clock| {
            let waited =
                relay_core::report::ntp_duration(now.saturating_duration_since(clock.arrived));
            (compact(clock.ntp), compact(waited))
        });
        Some(ReceptionReport {
            ssrc: self.ssrc,
            fraction_lost: block.fraction_lost,
            total_lost: block.lost,
            last_sequence_number: block.highest,
            jitter: block.jitter,
            last_sender_report,
            delay,
        })
    }
}

/// The negotiated identifiers of what is forwarded.
pub fn element_ids(extensions: &Extensions) -> ElementIds {
    ElementIds {
        audio_level: extensions.audio_level,
        video_orientation: extensions.video_orientation,
        abs_capture_time: extensions.abs_capture_time,
    }
}

fn payload_format(codecs: &[CodecBinding], payload_type: u8) -> Option<PayloadFormat> {
    let codec = codecs
        .iter()
        .find(|codec| codec.payload_type == payload_type)?;
    let format = match codec.codec {
        Codec::H264 { .. } => Format::H264,
        Codec::H265 { .. } => Format::H265,
        Codec::Vp8 => Format::Vp8,
        Codec::Vp9 { .. } => Format::Vp9,
        Codec::Av1 { .. } => Format::Av1,
        Codec::Opus => Format::Opus,
        Codec::Red => Format::Red,
    };
    Some(PayloadFormat {
        format,
        clock_rate: codec.clock_rate,
    })
}
