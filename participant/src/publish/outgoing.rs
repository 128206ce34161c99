//! From frames to RTP packets and sender reports, told the time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rand::RngExt as _;
use rtc::rtcp;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtcp::source_description::{
    SdesType, SourceDescription, SourceDescriptionChunk, SourceDescriptionItem,
};
use rtc::rtp;

use super::entrance::Entrance;
use super::pace::Pacer;
use super::{Frame, Statistics};
use crate::answer::Answer;
use crate::media::{Packetizer, Room};
use crate::{Codec, Kind, wire};

/// Largest RTP packet, header included; SRTP, UDP and IPv6 fit on top of it into 1,280 bytes, which every path carries.
const MTU: usize = 1_200;
const HEADER: usize = 12;
/// Header of the extensions, one byte for its id, eight of abs-capture-time, padding (RFC 8285 §4.2).
const CAPTURE_EXTENSION: usize = 16;
/// Between two sender reports of a track.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// A track of one connection before its terms are known.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) codec: Codec,
    pub(super) ssrc: u32,
    entrance: Arc<Entrance>,
}

impl Source {
    pub(super) fn new(codec: Codec, entrance: Arc<Entrance>) -> Self {
        Self {
            codec,
            ssrc: rand::rng().random(),
            entrance,
        }
    }
}

/// What the answer says about a track.
#[derive(Debug, Clone, Copy)]
struct Terms {
    payload_type: u8,
    capture_extension: Option<u8>,
}

/// The tracks of one connection.
#[derive(Debug)]
pub(super) struct Outgoing {
    tracks: Vec<Track>,
    pacer: Pacer,
    /// Packets of video frames that have begun to leave.
    paced: VecDeque<rtp::Packet>,
    wall_clock: fn() -> SystemTime,
}

#[derive(Debug)]
struct Track {
    source: Source,
    /// `None` until there is an answer, and for good when the other side does not want the track.
    terms: Option<Terms>,
    packetizer: Packetizer,
    sequence: u16,
    /// RTP timestamp of media time zero.
    origin: u32,
    packets: u32,
    octets: u32,
    /// Capture time and RTP timestamp of the latest frame.
    latest: Option<(SystemTime, u32)>,
    report_due: Option<Instant>,
}

/// What a step produced.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) rtp: Vec<rtp::Packet>,
    /// One compound packet per element.
    pub(super) rtcp: Vec<Vec<Box<dyn rtcp::Packet>>>,
    /// Video frames were dropped for want of room.
    pub(super) overflowed: bool,
}

impl Outgoing {
    /// The tracks of a connection, in the order of the offer.
    pub(super) fn new(
        now: Instant,
        sources: Vec<Source>,
        expected_bitrate: u64,
        wall_clock: fn() -> SystemTime,
    ) -> Self {
        Self {
            tracks: sources.into_iter().map(Track::new).collect(),
            pacer: Pacer::new(now, expected_bitrate),
            paced: VecDeque::new(),
            wall_clock,
        }
    }

    /// Takes the terms from the answer. Fails when nothing of the offer is wanted.
    pub(super) fn agree(&mut self, answer: &Answer) -> Result<(), &'static str> {
        for (track, line) in self.tracks.iter_mut().zip(&answer.lines) {
            let format = line
                .formats
                .iter()
                .find(|(_, codec)| *codec == track.source.codec);
            track.terms = format
                .filter(|_| !line.rejected)
                .map(|(payload_type, _)| Terms {
                    payload_type: *payload_type,
                    capture_extension: line.abs_capture_time,
                });
        }
        if self.tracks.iter().any(|track| track.terms.is_some()) {
            Ok(())
        } else {
            Err("the other side wants none of the offered tracks")
        }
    }

    pub(super) fn wall_now(&self) -> SystemTime {
        (self.wall_clock)()
    }

    /// Whether `ssrc` is one of our video tracks.
    pub(super) fn is_video(&self, ssrc: u32) -> bool {
        let mut tracks = self.tracks.iter();
        tracks.any(|track| track.source.ssrc == ssrc && track.source.codec.kind() == Kind::Video)
    }

    /// What leaves now. Called every [`super::pace::STEP`].
    pub(super) fn step(&mut self, now: Instant, statistics: &mut Statistics) -> Output {
        let mut output = Output::default();
        for track in &mut self.tracks {
            match track.source.codec.kind() {
                // Sound goes ahead of pictures: it is small, and its loss is noticed first.
                Kind::Audio => {
                    while let Some(frame) = track.source.entrance.take() {
                        let packets = track.packetize(&frame);
                        statistics.audio_packets += packets.len() as u64;
                        output.rtp.extend(packets);
                    }
                }
                Kind::Video => {
                    output.overflowed |= track.source.entrance.has_overflowed();
                    let mut allowance = self
                        .pacer
                        .allowance(self.paced.len() * (1 + track.source.entrance.waiting()));
                    while allowance > 0 {
                        if self.paced.is_empty() {
                            let Some(frame) = track.source.entrance.take() else {
                                break;
                            };
                            self.pacer.on_frame(now, frame.payload.len());
                            self.paced.extend(track.packetize(&frame));
                            statistics.video_frames += u64::from(!self.paced.is_empty());
                        }
                        let leaving = allowance.min(self.paced.len());
                        output.rtp.extend(self.paced.drain(..leaving));
                        allowance -= leaving;
                    }
                }
            }
        }
        for packet in &output.rtp {
            statistics.packets += 1;
            statistics.bytes += packet.payload.len() as u64;
        }
        let wall_now = self.wall_now();
        for track in &mut self.tracks {
            track.count(&output.rtp);
            output.rtcp.extend(track.report(now, wall_now));
        }
        output
    }
}

impl Track {
    fn new(source: Source) -> Self {
        let mut random = rand::rng();
        Self {
            terms: None,
            packetizer: Packetizer::new(source.codec),
            // Far from the first roll-over, which a lost first packet would hide (RFC 3711 §3.3.1).
            sequence: random.random_range(0..0x8000),
            origin: random.random(),
            packets: 0,
            octets: 0,
            latest: None,
            report_due: None,
            source,
        }
    }

    fn packetize(&mut self, frame: &Frame) -> Vec<rtp::Packet> {
        let Some(terms) = self.terms else {
            return Vec::new();
        };
        let extension = if terms.capture_extension.is_some() {
            CAPTURE_EXTENSION
        } else {
            0
        };
        let room = Room {
            first: MTU - HEADER - extension,
            rest: MTU - HEADER,
        };
        let payloads = self
            .packetizer
            .payloads(&frame.payload, room)
            .unwrap_or_else(|error| {
                tracing::debug!(%error, codec = %self.source.codec, "frame left out");
                Vec::new()
            });
        let elapsed = wire::ticks(frame.timestamp, self.source.codec.clock_rate());
        let timestamp = self.origin.wrapping_add(elapsed);
        self.latest = Some((frame.captured, timestamp));
        let last = payloads.len().saturating_sub(1);
        let video = self.source.codec.kind() == Kind::Video;
        let packets = payloads.into_iter().enumerate().map(|(index, payload)| {
            let mut header = rtp::Header {
                version: 2,
                payload_type: terms.payload_type,
                ssrc: self.source.ssrc,
                sequence_number: self.sequence,
                timestamp,
                marker: video && index == last,
                ..rtp::Header::default()
            };
            self.sequence = self.sequence.wrapping_add(1);
            if index == 0
                && let Some(id) = terms.capture_extension
                && let Err(error) = header.set_extension(id, wire::abs_capture_time(frame.captured))
            {
                tracing::debug!(%error, id, "capture time left out");
            }
            rtp::Packet { header, payload }
        });
        packets.collect()
    }

    fn count(&mut self, sent: &[rtp::Packet]) {
        for packet in sent
            .iter()
            .filter(|packet| packet.header.ssrc == self.source.ssrc)
        {
            self.packets = self.packets.wrapping_add(1);
            self.octets = self.octets.wrapping_add(packet.payload.len() as u32);
        }
    }

    /// A sender report that maps RTP time to the capture clock, which the library's own does not: it knows only when packets
    /// were sent. Its NTP time is also the time of sending, as RFC 3550 §6.4.1 wants for round trips.
    fn report(&mut self, now: Instant, wall_now: SystemTime) -> Option<Vec<Box<dyn rtcp::Packet>>> {
        let (captured, timestamp) = self.latest?;
        if self.packets == 0 || self.report_due.is_some_and(|due| now < due) {
            return None;
        }
        self.report_due = Some(now + REPORT_INTERVAL);
        let clock_rate = self.source.codec.clock_rate();
        let rtp_time = match wall_now.duration_since(captured) {
            Ok(age) => timestamp.wrapping_add(wire::ticks(age, clock_rate)),
            Err(early) => timestamp.wrapping_sub(wire::ticks(early.duration(), clock_rate)),
        };
        let report = SenderReport {
            ssrc: self.source.ssrc,
            ntp_time: wire::to_ntp(wall_now),
            rtp_time,
            packet_count: self.packets,
            octet_count: self.octets,
            ..SenderReport::default()
        };
        // Every compound packet names its source (RFC 3550 §6.1).
        let name = SourceDescriptionItem {
            sdes_type: SdesType::SdesCname,
            text: bytes::Bytes::from_static(b"lectern"),
        };
        let chunk = SourceDescriptionChunk {
            source: self.source.ssrc,
            items: vec![name],
        };
        Some(vec![
            Box::new(report),
            Box::new(SourceDescription {
                chunks: vec![chunk],
            }),
        ])
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use bytes::Bytes;

    use super::super::Written;
    use super::super::pace::STEP;
    use super::*;

    const NOW: Duration = Duration::from_secs(1_795_000_000);

    fn outgoing(video: &Arc<Entrance>, audio: &Arc<Entrance>) -> Outgoing {
        let sources = vec![
            Source::new(Codec::Opus, audio.clone()),
            Source::new(Codec::H264, video.clone()),
        ];
        let mut outgoing = Outgoing::new(Instant::now(), sources, 20_000_000, || UNIX_EPOCH + NOW);
        let answer = Answer::parse(
            "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\n\
             a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time\r\n\
             m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=rtpmap:96 H264/90000\r\n\
             a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time\r\n",
        );
        outgoing.agree(&answer).unwrap();
        video.open();
        audio.open();
        outgoing
    }

    fn frame(len: usize, captured: SystemTime) -> Frame {
        let payload: Bytes = [&[0, 0, 0, 1, 0x65, 0x88][..], &vec![7; len]]
            .concat()
            .into();
        Frame {
            payload,
            timestamp: Duration::from_secs(2),
            keyframe: true,
            captured,
        }
    }

    #[test]
    fn a_keyframe_is_spread_and_sound_overtakes_it() {
        let (video, audio) = (Arc::new(Entrance::video(30)), Arc::new(Entrance::audio(50)));
        let mut outgoing = outgoing(&video, &audio);
        let (mut now, mut statistics) = (Instant::now(), Statistics::default());
        let captured = UNIX_EPOCH + NOW - Duration::from_millis(40);
        let write = |entrance: &Arc<Entrance>, frame| {
            super::super::FrameWriter::new(entrance.clone()).write(frame)
        };
        assert_eq!(write(&video, frame(600_000, captured)), Written::Queued);
        let first = outgoing.step(now, &mut statistics);
        assert_eq!(first.rtp.len(), 64);
        assert!(
            first
                .rtp
                .iter()
                .all(|packet| packet.payload.len() + HEADER <= MTU)
        );
        let header = &first.rtp[0].header;
        assert_eq!(
            header.get_extension(2).as_deref(),
            Some(&wire::to_ntp(captured).to_be_bytes()[..])
        );
        assert!(first.rtp[1].header.extensions.is_empty());

        assert_eq!(write(&audio, frame(100, captured)), Written::Queued);
        now += STEP;
        let second = outgoing.step(now, &mut statistics);
        assert_eq!(second.rtp[0].header.payload_type, 111);
        let mut last = second.rtp.last().cloned();
        loop {
            now += STEP;
            match outgoing.step(now, &mut statistics).rtp.pop() {
                Some(packet) => last = Some(packet),
                None => break,
            }
        }
        assert!(last.is_some_and(|packet| packet.header.marker));
        assert_eq!((statistics.video_frames, statistics.audio_packets), (1, 1));
        assert_eq!(
            statistics.packets,
            1 + 600_000_u64.div_ceil((MTU - HEADER - 2) as u64)
        );
    }

    #[test]
    fn a_report_maps_rtp_time_to_the_capture_clock() {
        let (video, audio) = (Arc::new(Entrance::video(30)), Arc::new(Entrance::audio(50)));
        let mut outgoing = outgoing(&video, &audio);
        let captured = UNIX_EPOCH + NOW - Duration::from_millis(40);
        let writer = super::super::FrameWriter::new(video.clone());
        assert_eq!(writer.write(frame(100, captured)), Written::Queued);
        let output = outgoing.step(Instant::now(), &mut Statistics::default());
        let [compound] = output.rtcp.as_slice() else {
            panic!("{output:?}")
        };
        let report = compound[0].as_any().downcast_ref::<SenderReport>().unwrap();
        assert_eq!(report.ntp_time, wire::to_ntp(UNIX_EPOCH + NOW));
        assert_eq!(
            report.rtp_time.wrapping_sub(output.rtp[0].header.timestamp),
            40 * 90
        );
        assert_eq!(
            (report.packet_count, report.ssrc),
            (1, output.rtp[0].header.ssrc)
        );
    }

    #[test]
    fn a_track_that_is_not_wanted_is_not_sent() {
        let (video, audio) = (Arc::new(Entrance::video(30)), Arc::new(Entrance::audio(50)));
        let mut outgoing = outgoing(&video, &audio);
        assert!(
            outgoing
                .agree(&Answer::parse("m=audio 0 x 111\r\nm=video 0 x 96\r\n"))
                .is_err()
        );
        let writer = super::super::FrameWriter::new(video.clone());
        assert_eq!(writer.write(frame(100, UNIX_EPOCH)), Written::Queued);
        assert!(
            outgoing
                .step(Instant::now(), &mut Statistics::default())
                .rtp
                .is_empty()
        );
    }
}
