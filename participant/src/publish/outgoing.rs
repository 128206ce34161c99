//! From frames to RTP packets and sender reports, told the time.

mod track;

use std::time::{Duration, Instant, SystemTime};

use rand::RngExt as _;
use rtc::rtcp;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::transport_feedbacks::transport_layer_cc::TransportLayerCc;
use rtc::rtp;

use super::Tally;
use super::pace::Pacer;
use super::uplink::Uplink;
use crate::answer::Answer;

use track::Track;
pub(super) use track::{Part, Source};

/// Payload types that answers may give away (RFC 5761 §4), the last first: media rarely gets so far.
const DYNAMIC_TYPES: std::ops::RangeInclusive<u8> = 96..=127;
/// Bit/s beside the video that could be used: sound, and what goes around it.
const BESIDE_VIDEO: u64 = 100_000;

/// The encodings of one connection.
#[derive(Debug)]
pub(super) struct Outgoing {
    tracks: Vec<Track>,
    pacer: Pacer,
    line: Expected,
    /// Where the other side tells when packets arrive.
    uplink: Option<Uplink>,
    wall_clock: fn() -> SystemTime,
}

/// What is known of a connection before its first packet, in bit/s.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected {
    /// What is going to be sent, all layers together.
    pub(super) bitrate: u64,
    /// What the line is believed to carry.
    pub(super) line: u64,
}

/// What a step produced.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) rtp: Vec<rtp::Packet>,
    /// One compound packet per element.
    pub(super) rtcp: Vec<Vec<Box<dyn rtcp::Packet>>>,
    /// Layers of which frames were dropped for want of room.
    pub(super) overflowed: Vec<usize>,
}

impl Outgoing {
    /// The encodings of a connection.
    pub(super) fn new(
        now: Instant,
        sources: Vec<Source>,
        expected: Expected,
        wall_clock: fn() -> SystemTime,
    ) -> Self {
        let mut random = rand::rng();
        let (sound, video) = (random.random(), random.random());
        let tracks = sources.into_iter().map(|source| match source.part {
            Part::Sound => Track::new(source, sound),
            Part::Layer(..) => Track::new(source, video),
        });
        Self {
            tracks: tracks.collect(),
            pacer: Pacer::new(now, expected.bitrate),
            line: expected,
            uplink: None,
            wall_clock,
        }
    }

    /// Takes the terms from the answer. Fails when nothing of the offer is wanted.
    pub(super) fn agree(&mut self, now: Instant, answer: &Answer) -> Result<(), &'static str> {
        for track in &mut self.tracks {
            track.agree(&answer.lines);
        }
        if !self.tracks.iter().any(Track::is_wanted) {
            return Err("the other side wants none of the offered tracks");
        }
        let is_used = |number: &u8| {
            let mut formats = answer.lines.iter().flat_map(|line| &line.formats);
            formats.any(|(other, _)| other == number)
        };
        let free_type = DYNAMIC_TYPES.rev().find(|number| !is_used(number));
        // By BUNDLE the id is the same on every m-line (RFC 9143 §9).
        let extension = answer.lines.iter().find_map(|line| line.transport_cc);
        self.uplink = extension
            .zip(free_type)
            .map(|(extension, free_type)| Uplink::new(now, extension, self.line.line, free_type));
        Ok(())
    }

    /// The layers of the video that the other side takes.
    pub(super) fn taken(&self) -> Vec<usize> {
        let taken = self.tracks.iter().filter(|track| track.is_wanted());
        taken.filter_map(Track::layer).collect()
    }

    pub(super) fn wall_now(&self) -> SystemTime {
        (self.wall_clock)()
    }

    /// Which layer of the video an SSRC is.
    pub(super) fn layer(&self, ssrc: u32) -> Option<usize> {
        let mut tracks = self.tracks.iter();
        tracks
            .find(|track| track.source.ssrc == ssrc)
            .and_then(Track::layer)
    }

    /// What the other side says about the line and about who is known; `round_trip` is what its reports tell.
    pub(super) fn hear(
        &mut self,
        now: Instant,
        packets: &[Box<dyn rtcp::Packet>],
        round_trip: Option<Duration>,
    ) {
        for packet in packets {
            let packet = packet.as_any();
            if let Some(feedback) = packet.downcast_ref::<TransportLayerCc>() {
                if let Some(uplink) = &mut self.uplink {
                    uplink.feedback(now, feedback);
                }
            } else if let Some(report) = packet.downcast_ref::<ReceiverReport>() {
                let ours = |track: &&mut Track| {
                    let mut reports = report.reports.iter();
                    reports.any(|report| report.ssrc == track.source.ssrc)
                };
                self.tracks.iter_mut().filter(ours).for_each(Track::learnt);
                let worst = report.reports.iter().map(|report| report.fraction_lost);
                if let Some((uplink, worst)) = self.uplink.as_mut().zip(worst.max()) {
                    uplink.reception(now, worst, round_trip);
                }
            }
        }
    }

    /// Bit/s that the line is believed to carry, headers and all; `None` while nothing is known.
    pub(super) fn target(&self) -> Option<u64> {
        self.uplink.as_ref()?.target()
    }

    /// What leaves now. Called every [`super::pace::STEP`].
    pub(super) fn step(&mut self, now: Instant, tally: &mut Tally) -> Output {
        let mut output = Output::default();
        // Sound goes ahead of pictures: it is small, and its loss is noticed first.
        for track in self
            .tracks
            .iter_mut()
            .filter(|track| track.layer().is_none())
        {
            while let Some(frame) = track.source.entrance.take() {
                let packets = track.packetize(&frame);
                tally.total.audio_packets += packets.len() as u64;
                output.rtp.extend(packets);
            }
        }
        self.step_video(now, tally, &mut output);
        let want = self.pacer.bitrate().max(self.line.bitrate);
        for packet in &mut output.rtp {
            tally.total.packets += 1;
            tally.total.bytes += packet.payload.len() as u64;
            let ssrc = packet.header.ssrc;
            if let Some(track) = self
                .tracks
                .iter_mut()
                .find(|track| track.source.ssrc == ssrc)
            {
                track.count(packet);
                if let Some(layer) = track.layer().and_then(|layer| tally.layers.get_mut(layer)) {
                    layer.packets += 1;
                    layer.bytes += packet.payload.len() as u64;
                }
            }
            if let Some(uplink) = &mut self.uplink
                && packet.header.get_extension(uplink.extension()).is_some()
            {
                uplink.number(now, packet);
            }
        }
        if let Some(uplink) = &mut self.uplink {
            output
                .rtp
                .extend(uplink.poll(now, want / 10 * 11 + BESIDE_VIDEO));
        }
        let wall_now = self.wall_now();
        let reports = self.tracks.iter_mut();
        output
            .rtcp
            .extend(reports.filter_map(|track| track.report(now, wall_now)));
        output
    }

    /// The least layer first: it is what the worst lines get, and its packets are few.
    fn step_video(&mut self, now: Instant, tally: &mut Tally, output: &mut Output) {
        let waiting = self.tracks.iter().map(|track| {
            // The frames that wait are about as long as those that leave.
            track.paced.len() * (1 + track.source.entrance.waiting())
        });
        let pace = self.uplink.as_ref().map_or(u64::MAX, Uplink::pace);
        let mut allowance = self.pacer.allowance(waiting.sum(), pace);
        let video = self.tracks.iter_mut().rev();
        for (track, layer) in video.filter_map(|track| track.layer().map(|layer| (track, layer))) {
            if track.source.entrance.has_overflowed() {
                output.overflowed.push(layer);
            }
            while allowance > 0 {
                if track.paced.is_empty() {
                    let Some(frame) = track.source.entrance.take() else {
                        break;
                    };
                    self.pacer.on_frame(now, frame.payload.len());
                    let packets = track.packetize(&frame);
                    let sent = u64::from(!packets.is_empty());
                    track.paced.extend(packets);
                    tally.total.video_frames += sent;
                    if let Some(layer) = tally.layers.get_mut(layer) {
                        layer.frames += sent;
                    }
                }
                let leaving = allowance.min(track.paced.len());
                output.rtp.extend(track.paced.drain(..leaving));
                allowance -= leaving;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::UNIX_EPOCH;

    use bytes::Bytes;
    use rtc::rtcp::sender_report::SenderReport;

    use super::super::entrance::Entrance;
    use super::super::pace::STEP;
    use super::super::{Frame, FrameWriter, Rid, Written};
    use super::track::{HEADER, MTU};
    use super::*;
    use crate::{Codec, wire};

    const NOW: Duration = Duration::from_secs(1_795_000_000);

    fn outgoing(video: &Arc<Entrance>, audio: &Arc<Entrance>) -> Outgoing {
        let sources = vec![
            Source::new(Part::Sound, Codec::Opus, 0, audio.clone()),
            Source::new(Part::Layer(0, None), Codec::H264, 1, video.clone()),
        ];
        let expected = Expected {
            bitrate: 20_000_000,
            line: 20_000_000,
        };
        let mut outgoing = Outgoing::new(Instant::now(), sources, expected, || UNIX_EPOCH + NOW);
        let answer = Answer::parse(
            "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\n\
             a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time\r\n\
             m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=rtpmap:96 H264/90000\r\n\
             a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time\r\n",
        );
        outgoing.agree(Instant::now(), &answer).unwrap();
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
        let (mut now, mut tally) = (Instant::now(), Tally::new(1));
        let captured = UNIX_EPOCH + NOW - Duration::from_millis(40);
        let write =
            |entrance: &Arc<Entrance>, frame| FrameWriter::new(entrance.clone()).write(frame);
        assert_eq!(write(&video, frame(600_000, captured)), Written::Queued);
        let first = outgoing.step(now, &mut tally);
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
        let second = outgoing.step(now, &mut tally);
        assert_eq!(second.rtp[0].header.payload_type, 111);
        let mut last = second.rtp.last().cloned();
        loop {
            now += STEP;
            match outgoing.step(now, &mut tally).rtp.pop() {
                Some(packet) => last = Some(packet),
                None => break,
            }
        }
        assert!(last.is_some_and(|packet| packet.header.marker));
        assert_eq!(
            (tally.total.video_frames, tally.total.audio_packets),
            (1, 1)
        );
        assert_eq!(
            tally.total.packets,
            1 + 600_000_u64.div_ceil((MTU - HEADER - 2) as u64)
        );
    }

    #[test]
    fn a_report_maps_rtp_time_to_the_capture_clock() {
        let (video, audio) = (Arc::new(Entrance::video(30)), Arc::new(Entrance::audio(50)));
        let mut outgoing = outgoing(&video, &audio);
        let captured = UNIX_EPOCH + NOW - Duration::from_millis(40);
        let writer = FrameWriter::new(video.clone());
        assert_eq!(writer.write(frame(100, captured)), Written::Queued);
        let output = outgoing.step(Instant::now(), &mut Tally::new(1));
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
                .agree(
                    Instant::now(),
                    &Answer::parse("m=audio 0 x 111\r\nm=video 0 x 96\r\n")
                )
                .is_err()
        );
        let writer = FrameWriter::new(video.clone());
        assert_eq!(writer.write(frame(100, UNIX_EPOCH)), Written::Queued);
        assert!(
            outgoing
                .step(Instant::now(), &mut Tally::new(1))
                .rtp
                .is_empty()
        );
    }

    const LAYERS: &str = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:v\r\na=rtpmap:96 H264/90000\r\n\
         a=extmap:2 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:3 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n\
         a=extmap:4 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n";

    /// Three layers after this answer, with a small keyframe waiting in each.
    fn layered(answer: &str) -> Outgoing {
        let sources = ["h", "m", "l"].iter().enumerate().map(|(index, rid)| {
            let entrance = Arc::new(Entrance::video(30));
            entrance.open();
            let writer = FrameWriter::new(entrance.clone());
            assert_eq!(writer.write(frame(100, UNIX_EPOCH)), Written::Queued);
            let part = Part::Layer(index, Some(Rid::new(*rid).unwrap()));
            Source::new(part, Codec::H264, 0, entrance)
        });
        let expected = Expected {
            bitrate: 1_000_000,
            line: 1_000_000,
        };
        let mut outgoing =
            Outgoing::new(Instant::now(), sources.collect(), expected, || UNIX_EPOCH);
        let answer = Answer::parse(answer);
        outgoing.agree(Instant::now(), &answer).unwrap();
        outgoing
    }

    /// The rid that each packet carries.
    fn rids(packets: &[rtp::Packet]) -> Vec<Option<Bytes>> {
        let packets = packets.iter();
        packets
            .map(|packet| packet.header.get_extension(3))
            .collect()
    }

    #[test]
    fn layers_say_what_they_are_until_the_other_side_knows() {
        let answer = format!("{LAYERS}a=simulcast:recv h;m;l\r\n");
        let mut outgoing = layered(&answer);
        let mut tally = Tally::new(3);
        let now = Instant::now();
        let sent = outgoing.step(now, &mut tally).rtp;
        let named = |rid: &'static str| Some(Bytes::from_static(rid.as_bytes()));
        assert_eq!(rids(&sent), ["l", "m", "h"].map(named), "the least first");
        let timestamps: Vec<_> = sent.iter().map(|packet| packet.header.timestamp).collect();
        assert_eq!(timestamps, [timestamps[0]; 3], "one clock");
        let mut numbers = Vec::new();
        for (packet, layer) in sent.iter().zip([2, 1, 0]) {
            assert_eq!(packet.header.get_extension(2).as_deref(), Some(&b"v"[..]));
            assert_eq!(outgoing.layer(packet.header.ssrc), Some(layer));
            numbers.push(packet.header.get_extension(4).unwrap()[1]);
        }
        assert_eq!(numbers, [0, 1, 2].map(|on| numbers[0].wrapping_add(on)));
        assert_eq!(tally.layers.iter().map(|layer| layer.frames).max(), Some(1));

        let known = rtc::rtcp::reception_report::ReceptionReport {
            ssrc: sent[2].header.ssrc,
            ..Default::default()
        };
        let report = ReceiverReport {
            reports: vec![known],
            ..ReceiverReport::default()
        };
        outgoing.hear(now, &[Box::new(report)], None);
        for track in &outgoing.tracks {
            let writer = FrameWriter::new(track.source.entrance.clone());
            assert_eq!(writer.write(frame(100, UNIX_EPOCH)), Written::Queued);
        }
        let sent = outgoing.step(now + STEP, &mut tally).rtp;
        assert_eq!(rids(&sent), [named("l"), named("m"), None]);
    }

    #[test]
    fn only_layers_that_are_taken_are_sent() {
        let sent = |lines: &str| {
            let mut outgoing = layered(&format!("{LAYERS}{lines}"));
            let sent = rids(&outgoing.step(Instant::now(), &mut Tally::new(3)).rtp);
            (sent, outgoing.taken())
        };
        let named = |rid: &'static str| Some(Bytes::from_static(rid.as_bytes()));
        let two = sent("a=simulcast:recv h;~m;l\r\n");
        assert_eq!(two, (["l", "h"].map(named).into(), vec![0, 2]));
        let best = (vec![None], vec![0]);
        assert_eq!(sent(""), best, "as if there were no layers");
    }
}
