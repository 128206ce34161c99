//! All lines of one connection: which packet belongs to which, told the time.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use rand::RngExt as _;
use rtc::rtcp;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtp;

use super::line::{Line, Moment};
use super::transport::Transport;
use super::{Config, Event, Shared};
use crate::answer::Answer;
use crate::mailbox::Post;

/// Wishes of the application are looked at this often.
const TICK: Duration = Duration::from_millis(50);
/// Sources remembered; more of them than lines many times over is an attempt to fill the memory.
const MAX_SOURCES: usize = 256;

pub(super) struct Incoming {
    /// When the attempt began.
    attempt: Instant,
    config: Config,
    shared: Arc<Shared>,
    post: Post<Event>,
    wall_clock: fn() -> SystemTime,
    own_ssrc: u32,
    /// By their place in the session; `None` are lines that the other side does not fill.
    lines: Vec<Option<Line>>,
    sources: HashMap<u32, usize>,
    /// Where the other side numbers its packets.
    transport: Option<Transport>,
    next_tick: Instant,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Connecting,
    Connected,
}

impl Incoming {
    pub(super) fn new(
        attempt: Instant,
        config: Config,
        shared: Arc<Shared>,
        post: Post<Event>,
        wall_clock: fn() -> SystemTime,
    ) -> Self {
        Self {
            attempt,
            config,
            shared,
            post,
            wall_clock,
            own_ssrc: rand::rng().random(),
            lines: Vec::new(),
            sources: HashMap::new(),
            transport: None,
            next_tick: attempt,
            stage: Stage::Connecting,
        }
    }

    /// Takes the lines from the answer. Fails when none is filled.
    pub(super) fn agree(&mut self, answer: &Answer) -> Result<(), &'static str> {
        let wanted = self.config.video + self.config.audio;
        let lines = answer.lines.iter().take(wanted).enumerate();
        self.lines = lines
            .map(|(index, terms)| Line::new(index, terms))
            .collect();
        // By BUNDLE the id is the same on every m-line (RFC 9143 §9).
        let extension = answer.lines.iter().find_map(|line| line.transport_cc);
        self.transport = extension.map(|id| Transport::new(self.attempt, id));
        let mut statistics = self.shared.statistics();
        for (line, statistics) in self.lines.iter().zip(statistics.iter_mut()) {
            statistics.slot = line.as_ref().map(|line| line.slot.clone());
        }
        if self.lines.iter().any(Option::is_some) {
            Ok(())
        } else {
            Err("the other side offers nothing to watch")
        }
    }

    /// Takes a packet; one that belongs nowhere is ignored.
    pub(super) fn receive(&mut self, now: Instant, packet: rtp::Packet) {
        self.greet();
        if let Some(transport) = &mut self.transport {
            transport.receive(now, &packet.header);
        }
        let Some(index) = self.line_of(&packet) else {
            tracing::trace!(ssrc = packet.header.ssrc, "packet of no line");
            return;
        };
        self.with_line(now, index, |line, at| line.receive(packet, at));
    }

    /// Takes a compound RTCP packet.
    pub(super) fn control(&mut self, packets: &[Box<dyn rtcp::Packet>]) {
        for packet in packets {
            if let Some(report) = packet.as_any().downcast_ref::<SenderReport>() {
                for line in self.lines.iter_mut().flatten() {
                    line.on_report(report.ssrc, report.rtp_time, report.ntp_time);
                }
            }
        }
    }

    /// Lets time pass: what is to be said to the other side.
    pub(super) fn advance(&mut self, now: Instant) -> Vec<Box<dyn rtcp::Packet>> {
        self.greet();
        self.next_tick = now + TICK;
        let wanted = self.shared.keyframes_wanted.swap(0, Ordering::Relaxed);
        let own_ssrc = self.own_ssrc;
        let mut feedback = Vec::new();
        for index in 0..self.lines.len() {
            self.with_line(now, index, |line, at| {
                if u32::try_from(index)
                    .ok()
                    .and_then(|bit| wanted.checked_shr(bit))
                    .is_some_and(|bits| bits & 1 != 0)
                {
                    line.want_keyframe(now);
                }
                feedback.extend(line.advance(own_ssrc, at));
            });
        }
        if let Some(transport) = &mut self.transport {
            feedback.extend(transport.advance(now, own_ssrc));
        }
        feedback
    }

    /// When [`Self::advance`] has something to do.
    pub(super) fn deadline(&self) -> Instant {
        let lines = self.lines.iter().flatten().filter_map(Line::deadline);
        lines
            .chain(self.transport.as_ref().map(Transport::deadline))
            .chain([self.next_tick])
            .min()
            .unwrap_or(self.next_tick)
    }

    /// Media can flow: says so once, before anything else.
    fn greet(&mut self) {
        if self.stage == Stage::Connecting {
            self.stage = Stage::Connected;
            self.post.notice(Event::Connected);
            for line in self.lines.iter().flatten() {
                self.post.notice(Event::Slot(line.slot.clone()));
            }
        }
    }

    fn with_line(&mut self, now: Instant, index: usize, act: impl FnOnce(&mut Line, Moment<'_>)) {
        let Some(Some(line)) = self.lines.get_mut(index) else {
            return;
        };
        let mut statistics = self.shared.statistics();
        let Some(statistics) = statistics.get_mut(index) else {
            return;
        };
        let moment = Moment {
            now,
            wall_now: (self.wall_clock)(),
            attempt: self.attempt,
            config: &self.config,
            post: &self.post,
            statistics,
        };
        act(line, moment);
    }

    /// RFC 9143 §9.2, for those who do not use all of it: by what is known of the source, by the mid in the packet, by the
    /// source the answer declares, and last by the payload type.
    fn line_of(&mut self, packet: &rtp::Packet) -> Option<usize> {
        let ssrc = packet.header.ssrc;
        if let Some(index) = self.sources.get(&ssrc) {
            return Some(*index);
        }
        let find = |fits: &dyn Fn(&Line) -> bool| {
            self.lines
                .iter()
                .position(|line| line.as_ref().is_some_and(fits))
        };
        let accepts = |line: &Line| line.accepts(packet.header.payload_type);
        let index = find(&|line| line.is_named(packet))
            .or_else(|| find(&|line| line.declares(ssrc)))
            .or_else(|| find(&|line| accepts(line) && !line.has_source()))
            .or_else(|| find(&accepts))?;
        if self.sources.len() < MAX_SOURCES {
            self.sources.insert(ssrc, index);
        }
        Some(index)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::AtomicU64;
    use std::time::UNIX_EPOCH;

    use bytes::Bytes;
    use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
    use rtc::rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;

    use super::super::Statistics;
    use super::*;
    use crate::Mailbox;
    use crate::mailbox::mailbox;

    const ANSWER: &str = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=rtpmap:96 H264/90000\r\na=msid:camera v\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=rtpmap:96 H264/90000\r\na=msid:courseware v\r\na=ssrc:2 x\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:2\r\na=rtpmap:111 opus/48000/2\r\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n";

    struct Bench {
        incoming: Incoming,
        mailbox: Mailbox<Event>,
        start: Instant,
    }

    impl Bench {
        fn new(queue: usize) -> Self {
            let config = Config {
                video: 2,
                audio: 1,
                queue,
                ..Config::default()
            };
            let (post, mailbox) = mailbox(queue);
            let shared = Shared {
                statistics: Mutex::new(vec![Statistics::default(); 3]),
                keyframes_wanted: AtomicU64::new(0),
            };
            let start = Instant::now();
            let mut incoming = Incoming::new(start, config, Arc::new(shared), post, || UNIX_EPOCH);
            incoming.agree(&Answer::parse(ANSWER)).unwrap();
            Self {
                incoming,
                mailbox,
                start,
            }
        }

        fn at(&self, milliseconds: u64) -> Instant {
            self.start + Duration::from_millis(milliseconds)
        }

        /// A picture in one packet.
        fn picture(&mut self, ms: u64, ssrc: u32, sequence: u16, keyframe: bool) {
            let payload = Bytes::from_static(match keyframe {
                true => &[0x18, 0, 2, 0x67, 1, 0, 2, 0x68, 1, 0, 3, 0x65, 0x88, 1],
                false => &[0x41, 0x9a, 1],
            });
            let header = rtp::Header {
                version: 2,
                payload_type: 96,
                ssrc,
                sequence_number: sequence,
                timestamp: u32::from(sequence) * 3_000,
                marker: true,
                ..rtp::Header::default()
            };
            self.incoming
                .receive(self.at(ms), rtp::Packet { header, payload });
        }

        /// Sequence numbers asked for, and the sources of which a keyframe is asked.
        fn feedback(&mut self, ms: u64) -> (Vec<u16>, Vec<u32>) {
            let (mut nacks, mut plis) = (Vec::new(), Vec::new());
            for packet in self.incoming.advance(self.at(ms)) {
                if let Some(nack) = packet.as_any().downcast_ref::<TransportLayerNack>() {
                    nacks.extend(nack.nacks.iter().flat_map(|pair| pair.packet_list()));
                }
                if let Some(pli) = packet.as_any().downcast_ref::<PictureLossIndication>() {
                    plis.push(pli.media_ssrc);
                }
            }
            (nacks, plis)
        }

        /// Everything in the mailbox, in short.
        fn events(&mut self) -> Vec<String> {
            let say = |event| match event {
                Event::Connected => "connected".to_owned(),
                Event::Slot(slot) => format!("slot {}", slot.name),
                Event::Frame(frame) => {
                    let gap = if frame.discontinuity {
                        " after a gap"
                    } else {
                        ""
                    };
                    format!("{} {}{gap}", frame.slot.name, frame.rtp_timestamp / 3_000)
                }
                other => format!("{other:?}"),
            };
            std::iter::from_fn(|| self.mailbox.try_next())
                .map(say)
                .collect()
        }

        fn statistics(&self, line: usize) -> Statistics {
            self.incoming.shared.statistics()[line].clone()
        }
    }

    #[test]
    fn connection_and_slots_are_told_before_the_first_frame() {
        let mut bench = Bench::new(100);
        bench.picture(0, 7, 1, true);
        bench.picture(0, 2, 1, true);
        let expected = [
            "connected",
            "slot camera",
            "slot courseware",
            "slot 2",
            "camera 1 after a gap",
            "courseware 1 after a gap",
        ];
        assert_eq!(bench.events(), expected);
        assert_eq!(bench.feedback(600), (vec![], vec![]));
    }

    #[test]
    fn a_loss_is_asked_for_waited_for_and_then_given_up_with_a_keyframe_request() {
        let mut bench = Bench::new(100);
        bench.picture(0, 2, 1, true);
        bench.picture(10, 2, 3, false);
        assert_eq!(bench.feedback(20), (vec![2], vec![]));
        bench.events();
        assert_eq!(bench.feedback(209), (vec![2], vec![]));
        assert_eq!(bench.events(), Vec::<String>::new());
        assert_eq!(bench.feedback(210), (vec![], vec![2]));
        assert_eq!(bench.events(), ["courseware 3 after a gap"]);
        bench.picture(220, 2, 2, false);
        let statistics = bench.statistics(1);
        assert_eq!(
            (
                statistics.packets,
                statistics.packets_lost,
                statistics.packets_late
            ),
            (2, 1, 1)
        );
    }

    #[test]
    fn a_repair_in_time_is_invisible() {
        let mut bench = Bench::new(100);
        bench.picture(0, 2, 1, true);
        bench.picture(10, 2, 3, false);
        bench.picture(60, 2, 2, false);
        bench.picture(61, 2, 2, false);
        assert_eq!(
            bench.events()[4..],
            ["courseware 1 after a gap", "courseware 2", "courseware 3"]
        );
        let statistics = bench.statistics(1);
        assert_eq!(
            (
                statistics.packets_repaired,
                statistics.packets_duplicate,
                statistics.packets_lost
            ),
            (1, 1, 0)
        );
    }

    #[test]
    fn joining_between_keyframes_asks_for_one() {
        let mut bench = Bench::new(100);
        bench.picture(0, 7, 1, false);
        assert_eq!(bench.feedback(0), (vec![], vec![7]));
        assert_eq!(bench.feedback(400), (vec![], vec![]));
        assert_eq!(bench.feedback(500), (vec![], vec![7]));
        bench.picture(600, 7, 2, true);
        assert_eq!(bench.feedback(1_100), (vec![], vec![]));
        bench
            .incoming
            .shared
            .keyframes_wanted
            .store(0b11, Ordering::Relaxed);
        assert_eq!(bench.feedback(1_200), (vec![], vec![7]));
    }

    #[test]
    fn what_the_application_does_not_read_is_counted_and_marked() {
        let mut bench = Bench::new(2);
        for sequence in 1..=5 {
            bench.picture(0, 7, sequence, sequence == 1);
        }
        assert_eq!(bench.feedback(10), (vec![], vec![]));
        assert_eq!(bench.events()[4..], ["camera 1 after a gap", "camera 2"]);
        bench.picture(20, 7, 6, false);
        assert_eq!(bench.events(), ["camera 6 after a gap"]);
        assert_eq!(bench.feedback(20), (vec![], vec![7]));
        assert_eq!(
            (bench.statistics(0).overflowed, bench.statistics(0).frames),
            (3, 6)
        );
    }

    #[test]
    fn another_source_in_a_line_begins_anew() {
        let mut bench = Bench::new(100);
        bench.picture(0, 7, 1, true);
        bench.events();
        bench.picture(10, 2, 1, true);
        bench.picture(10, 8, 40_000, true);
        assert_eq!(
            bench.events(),
            ["courseware 1 after a gap", "camera 40000 after a gap"]
        );
        assert_eq!(bench.statistics(0).packets_lost, 0);
    }
}
