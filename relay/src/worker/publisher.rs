//! The receiving side of a WHIP session: which packet belongs to which layer of which track, and RTCP back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use relay_core::codec::Format;
use relay_core::ingest::{Incoming, PayloadFormat, Receiver};
use relay_core::key::{Kind, SessionKey};
use relay_core::keyframe::KeyframeRequest;
use relay_core::packet::{ElementIds, Packet, Space};
use relay_core::report::{ClockReading, compact};
use relay_core::rtp::View;
use relay_transport::sdp::{Codec, CodecBinding, Extensions, PublishedTrack};
use rtc_rtcp::reception_report::ReceptionReport;

use super::mail::TrackDescription;
use super::rtcp;
use super::track::{Track, Tracks};
use crate::counters::Counters;

/// Media SSRCs a publisher may use at a time: four layers on four m-lines, and their successors.
const MAX_SOURCES: usize = 32;

/// A publisher's tracks and the SSRCs they arrive on.
pub struct Publisher {
    key: SessionKey,
    tracks: Vec<Line>,
    sources: Vec<Source>,
    by_ssrc: HashMap<u32, Use>,
    spaces: u64,
    counters: Arc<Counters>,
}

/// One m-line.
struct Line {
    published: PublishedTrack,
    description: Arc<TrackDescription>,
    ids: ElementIds,
    /// The layer that viewers get, as an SSRC.
    selected: Option<u32>,
    /// The layer that takes over at its next keyframe.
    successor: Option<u32>,
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
    rid: Option<Vec<u8>>,
    receiver: Receiver,
    keyframe: KeyframeRequest,
    clock: Option<ClockReading>,
    bytes_since_review: u64,
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
        key: SessionKey,
        tracks: Vec<(PublishedTrack, Arc<TrackDescription>)>,
        counters: Arc<Counters>,
    ) -> Self {
        let tracks = tracks
            .into_iter()
            .map(|(published, description)| Line {
                ids: element_ids(&published.extensions),
                published,
                description,
                selected: None,
                successor: None,
            })
            .collect();
        Self {
            key,
            tracks,
            sources: Vec::new(),
            by_ssrc: HashMap::new(),
            spaces: 0,
            counters,
        }
    }

    /// What it publishes.
    pub fn descriptions(&self) -> impl Iterator<Item = &Arc<TrackDescription>> {
        self.tracks.iter().map(|line| &line.description)
    }

    /// Takes a plain RTP packet in; `None` when there is nothing to forward.
    pub fn receive(&mut self, now: Instant, packet: &[u8], tracks: &mut Tracks) -> Option<Taken> {
        let Some(view) = View::parse(packet) else {
            self.counters.unroutable_packets.add(1);
            return None;
        };
        let Some((at, incoming)) = self.route(view) else {
            self.counters.unroutable_packets.add(1);
            return None;
        };
        let source = &mut self.sources[at];
        let line = &mut self.tracks[source.line];
        let format = payload_format(&line.published.codecs, incoming.payload_type)?;
        let track = tracks.get_mut(&line.description.key)?;
        let cache = &mut track.layer_mut(source.receiver.space()).cache;
        let repaired_before = source.receiver.repaired;
        let Ok(taken) = source
            .receiver
            .receive(now, cache, &line.ids, format, incoming)
        else {
            self.counters.duplicate_packets.add(1);
            return None;
        };
        self.counters.received_packets.add(1);
        self.counters.received_bytes.add(packet.len() as u64);
        self.counters
            .repaired_packets
            .add(source.receiver.repaired - repaired_before);
        source.bytes_since_review += packet.len() as u64;
        if taken.packet.keyframe {
            source.keyframe.arrived();
        }
        track.keyframe_wanted |= taken.outage && line.description.kind == Kind::Video;
        line.forwards(source.ssrc, &taken.packet).then(|| Taken {
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
        source.clock = Some(reading);
        Some((
            self.tracks[source.line].description.clone(),
            source.receiver.space(),
        ))
    }

    /// Requests for keyframes that viewers of `track` need, as RTCP.
    pub fn keyframe_requests(&mut self, now: Instant, track: &mut Track) -> Vec<Vec<u8>> {
        let Some(line) = self
            .tracks
            .iter()
            .find(|line| line.description.key == track.description.key)
        else {
            return Vec::new();
        };
        let wanted = std::mem::take(&mut track.keyframe_wanted);
        let mut requests = Vec::new();
        for source in &mut self.sources {
            let shown = line.selected == Some(source.ssrc) && line.successor.is_none();
            if (wanted && shown) || line.successor == Some(source.ssrc) {
                source.keyframe.want();
            }
            let ours = self.tracks[source.line].description.key == track.description.key;
            if ours && source.keyframe.poll(now) {
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
                nacks.push(rtcp::nack(source.ssrc, &missing));
            }
        }
        nacks
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

    /// Once a second: viewers get the layer with the highest rate.
    pub fn review_layers(&mut self) {
        for (at, line) in self.tracks.iter_mut().enumerate() {
            let rate = |source: &&Source| source.bytes_since_review;
            let best = self
                .sources
                .iter()
                .filter(|source| source.line == at)
                .max_by_key(rate);
            let current = self
                .sources
                .iter()
                .find(|source| Some(source.ssrc) == line.selected);
            if let (Some(best), Some(current)) = (best, current)
                // A third more, so that two layers of like rate do not take turns.
                && best.bytes_since_review > current.bytes_since_review / 3 * 4
            {
                line.successor = Some(best.ssrc);
            }
        }
        for source in &mut self.sources {
            source.bytes_since_review = 0;
        }
    }

    /// Finds the source of a packet, or makes one for a new SSRC, and unwraps retransmissions.
    fn route<'a>(&mut self, view: View<'a>) -> Option<(usize, Incoming<'a>)> {
        let of = match self.by_ssrc.get(&view.ssrc) {
            Some(Use::Media) => view.ssrc,
            Some(Use::Repair { of }) => *of,
            None => self.learn(&view)?,
        };
        let at = self.sources.iter().position(|source| source.ssrc == of)?;
        let codecs = &self.tracks[self.sources[at].line].published.codecs;
        let incoming = match codecs
            .iter()
            .find(|codec| codec.rtx == Some(view.payload_type))
        {
            Some(codec) => Incoming::retransmission(view, codec.payload_type)?,
            None if of == view.ssrc => Incoming::media(view),
            None => return None,
        };
        Some((at, incoming))
    }

    /// Finds out what a new SSRC is: announced in SDP, or told by header extensions (RFC 8852, RFC 9143), or by its payload type.
    /// Returns the media SSRC.
    fn learn(&mut self, view: &View<'_>) -> Option<u32> {
        let line = self.line_of(view)?;
        let track = &self.tracks[line];
        let extension = |id: Option<u8>| {
            let id = id?;
            view.extensions()
                .find(|(other, _)| *other == id)
                .map(|(_, value)| value.to_vec())
        };
        let extensions = track.published.extensions;
        let is_repair = track
            .published
            .codecs
            .iter()
            .any(|codec| codec.rtx == Some(view.payload_type));
        if is_repair {
            let rid = extension(extensions.repaired_rid);
            let announced = track
                .published
                .rtx_of
                .iter()
                .find(|(_, rtx)| *rtx == view.ssrc)
                .map(|(media, _)| *media);
            let candidates = self
                .sources
                .iter()
                .rev()
                .filter(|source| source.line == line);
            let of = announced.or_else(|| {
                candidates
                    .filter(|source| source.rid == rid)
                    .map(|s| s.ssrc)
                    .next()
            })?;
            self.by_ssrc.insert(view.ssrc, Use::Repair { of });
            return Some(of);
        }
        payload_format(&track.published.codecs, view.payload_type)?;
        let rid = extension(extensions.rid);
        self.add_source(view.ssrc, line, rid);
        Some(view.ssrc)
    }

    fn line_of(&self, view: &View<'_>) -> Option<usize> {
        let named = |line: &Line| {
            line.published.extensions.mid.is_some_and(|id| {
                view.extensions()
                    .any(|(other, mid)| other == id && mid == line.published.mid.as_bytes())
            })
        };
        let announced = |line: &Line| {
            line.published.ssrcs.contains(&view.ssrc)
                || line
                    .published
                    .rtx_of
                    .iter()
                    .any(|(_, rtx)| *rtx == view.ssrc)
        };
        let speaks = |line: &Line| {
            let codecs = &line.published.codecs;
            codecs.iter().any(|codec| {
                codec.payload_type == view.payload_type || codec.rtx == Some(view.payload_type)
            })
        };
        let find = |test: &dyn Fn(&Line) -> bool| self.tracks.iter().position(test);
        find(&announced)
            .or_else(|| find(&named))
            .or_else(|| find(&speaks))
    }

    fn add_source(&mut self, ssrc: u32, line: usize, rid: Option<Vec<u8>>) {
        if self.sources.len() == MAX_SOURCES {
            let oldest = self.sources.remove(0).ssrc;
            self.by_ssrc.retain(|ssrc, other| {
                *ssrc != oldest && !matches!(other, Use::Repair { of } if *of == oldest)
            });
        }
        self.spaces += 1;
        let space = Space(self.key.0 << 16 | self.spaces & 0xFFFF);
        let track = &mut self.tracks[line];
        if track.selected.is_none() {
            track.selected = Some(ssrc);
        } else if rid.is_none() {
            // The publisher changed its SSRC: the newest one is what it means.
            track.successor = Some(ssrc);
        }
        self.by_ssrc.insert(ssrc, Use::Media);
        self.sources.push(Source {
            ssrc,
            line,
            rid,
            receiver: Receiver::new(space),
            keyframe: KeyframeRequest::default(),
            clock: None,
            bytes_since_review: 0,
        });
    }
}

impl Line {
    /// Whether viewers get this packet: it is of the selected layer, or the first of its successor that can be shown.
    fn forwards(&mut self, ssrc: u32, packet: &Packet) -> bool {
        let starts = self.description.kind == Kind::Audio || packet.keyframe;
        if self.successor == Some(ssrc) && starts {
            self.selected = self.successor.take();
        }
        self.selected == Some(ssrc)
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
