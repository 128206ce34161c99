//! Everything of a viewer but its socket: it is told the time and handed datagrams, and is asked what to send.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rtc_rtcp::sender_report::SenderReport;

use super::feedback;
use super::log::{Log, Sighting};
use super::timing::{Timing, Via};
use super::track::{Check, Incoming, Track};
use super::transport_wide::{Clock, TransportWide};
use crate::client::{Accepted, Answer, Event, Kind, Link};
use crate::inbox::Datagram;
use crate::rtp::Packet;

/// Between receiver reports.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Between looks at the association's timers.
const LINK_INTERVAL: Duration = Duration::from_millis(10);
/// Tracks of one viewer; more SSRCs than this are not measured.
const MAX_TRACKS: usize = 32;

/// How far a viewer has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// ICE and DTLS are under way.
    Connecting,
    /// Media can flow.
    Connected,
    /// It is over, for this reason.
    Failed(String),
}

/// How closely a viewer looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Attention {
    /// It opens a sample of the packets, and what it needs for a picture.
    #[default]
    Sample,
    /// It opens every packet and keeps a log of them: for few viewers.
    Everything,
}

/// A viewer that has been admitted by the server.
pub struct Entry {
    /// Which viewer of the run.
    pub index: usize,
    /// Its association.
    pub link: Link,
    /// What was negotiated.
    pub answer: Answer,
    /// When it asked to join: the offer's way to the server is part of the join.
    pub requested: Instant,
    /// How closely it looks.
    pub attention: Attention,
}

/// The viewer.
pub struct Session {
    pub(super) index: usize,
    pub(super) link: Link,
    pub(super) progress: Progress,
    pub(super) connected_after: Option<Duration>,
    pub(super) picture_after: Option<Duration>,
    pub(super) pictures_after: Option<Duration>,
    pub(super) tracks: Vec<Track>,
    pub(super) authenticated: u64,
    pub(super) auth_failures: u64,
    pub(super) keyframe_requests: u64,
    pub(super) probe_bytes: u64,
    pub(super) sections: Vec<Accepted>,
    pub(super) log: Option<Log>,
    requested: Instant,
    capture_time_id: Option<u8>,
    /// SSRCs of repairs, and whom they repair.
    repairs: Vec<(u32, u32)>,
    timing: Timing,
    transport_wide: Option<TransportWide>,
    clock: Clock,
    next_link: Instant,
    next_report: Instant,
    outbox: VecDeque<(SocketAddr, Vec<u8>)>,
}

impl Session {
    /// A viewer that begins to connect. `wall` is the same moment as `now`, since the Unix epoch.
    pub fn new(now: Instant, wall: Duration, entry: Entry) -> Self {
        let Answer {
            accepted,
            capture_time_id,
            transport_wide_id,
            ..
        } = entry.answer;
        let pairs = accepted.iter().map(|section| section.ssrcs);
        Self {
            index: entry.index,
            link: entry.link,
            requested: entry.requested,
            progress: Progress::Connecting,
            connected_after: None,
            picture_after: None,
            pictures_after: None,
            capture_time_id,
            repairs: pairs
                .filter_map(|(media, repair)| repair.zip(media))
                .collect(),
            sections: accepted,
            timing: Timing::default(),
            transport_wide: transport_wide_id.map(|id| TransportWide::new(now, id)),
            log: (entry.attention == Attention::Everything).then(Log::default),
            clock: Clock { instant: now, wall },
            tracks: Vec::new(),
            next_link: now,
            next_report: now + REPORT_INTERVAL,
            authenticated: 0,
            auth_failures: 0,
            keyframe_requests: 0,
            probe_bytes: 0,
            outbox: VecDeque::new(),
        }
    }

    /// How far it has come.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Takes one datagram. `delays` gathers those of a whole crowd, in microseconds.
    pub fn handle(&mut self, now: Instant, datagram: &Datagram<'_>, delays: &mut Histogram<u64>) {
        if matches!(self.progress, Progress::Failed(_)) {
            return;
        }
        match self.link.handle(now, datagram.from, datagram.bytes) {
            Ok(Event::Rtp) => self.receive(datagram, delays),
            Ok(Event::Rtcp(packet)) => self.hear(now, &packet),
            Ok(Event::Connected) => {
                self.progress = Progress::Connected;
                self.connected_after = Some(now - self.requested);
            }
            Ok(Event::Closed) => self.fail("the server closed the session"),
            Ok(Event::Nothing) => {}
            Err(error) => self.fail(error),
        }
    }

    /// Does what is due: checks, handshake, NACK, keyframe requests, reports. To be called after what has arrived together,
    /// and at least every five milliseconds.
    pub fn handle_timeout(&mut self, now: Instant) {
        if matches!(self.progress, Progress::Failed(_)) {
            return;
        }
        if self.next_link <= now {
            self.next_link = now + LINK_INTERVAL;
            if let Err(error) = self.link.handle_timeout(now) {
                self.fail(error);
            }
        }
        if let Some(to) = self.link.remote() {
            for compound in self.feedback(now) {
                if let Some(sealed) = self.link.seal_rtcp(&compound) {
                    self.outbox.push_back((to, sealed.to_vec()));
                }
            }
        }
    }

    /// The next datagram to send. What is lost is repeated by whoever needs it: ICE and DTLS have timers.
    pub fn poll_transmit(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        self.link
            .poll_transmit()
            .or_else(|| self.outbox.pop_front())
    }

    /// Says goodbye; what it queues is still to be sent.
    pub fn close(&mut self, now: Instant) {
        self.link.close(now);
    }

    /// Forgets delays and gaps: a new window of measurement begins.
    pub fn reset_window(&mut self) {
        self.tracks.iter_mut().for_each(Track::reset_window);
    }

    pub(super) fn fail(&mut self, why: impl ToString) {
        self.progress = Progress::Failed(why.to_string());
    }

    /// The media path.
    fn receive(&mut self, datagram: &Datagram<'_>, delays: &mut Histogram<u64>) {
        let Some(packet) = Packet::parse(datagram.bytes) else {
            return;
        };
        let at = self.clock.instant(datagram.arrival);
        if let Some(wide) = &mut self.transport_wide {
            wide.note(at, &packet);
        }
        if self.is_repair(&packet) {
            self.receive_repair(at, datagram, delays);
            return;
        }
        let Some(position) = self.track(at, &packet, datagram.arrival) else {
            return;
        };
        let track = &mut self.tracks[position];
        let mut incoming = Incoming {
            packet,
            sequence: packet.sequence(),
            size: datagram.bytes.len(),
            arrival: datagram.arrival,
        };
        let (check, delay) = track.arrive(at, &incoming, self.capture_time_id, &mut self.timing);
        if let Some(micros) = delay {
            delays.saturating_record(micros);
        }
        if check == Check::Skip && self.log.is_none() {
            return;
        }
        let Some(opened) = self.link.open_rtp(datagram.bytes) else {
            self.auth_failures += 1;
            return;
        };
        self.authenticated += 1;
        if let Some(packet) = Packet::parse(&opened) {
            incoming.packet = packet;
            self.look(at, position, &incoming, packet.content());
        }
    }

    fn is_repair(&self, packet: &Packet<'_>) -> bool {
        let number = packet.payload_type();
        self.sections
            .iter()
            .any(|section| section.rtx == Some(number))
    }

    /// A packet on an SSRC of repairs: a repair (RFC 4588 §4), or a probe for bandwidth, which repeats what is here already or
    /// carries nothing.
    fn receive_repair(
        &mut self,
        at: Instant,
        datagram: &Datagram<'_>,
        delays: &mut Histogram<u64>,
    ) {
        let size = datagram.bytes.len();
        let Some(opened) = self.link.open_rtp(datagram.bytes) else {
            self.auth_failures += 1;
            return;
        };
        self.authenticated += 1;
        let Some(packet) = Packet::parse(&opened) else {
            return;
        };
        let position = self.repaired_by(&packet);
        let (Some(position), [high, low, payload @ ..]) = (position, packet.content()) else {
            self.probe_bytes += size as u64;
            return;
        };
        let incoming = Incoming {
            packet,
            sequence: u16::from_be_bytes([*high, *low]),
            size,
            arrival: datagram.arrival,
        };
        let repair =
            self.tracks[position].repair(at, &incoming, self.capture_time_id, &mut self.timing);
        let Some(delay) = repair else {
            self.probe_bytes += size as u64;
            return;
        };
        if let Some(micros) = delay {
            delays.saturating_record(micros);
        }
        self.look(at, position, &incoming, payload);
    }

    /// Looks into an authentic packet.
    fn look(&mut self, at: Instant, position: usize, incoming: &Incoming<'_>, payload: &[u8]) {
        let track = &mut self.tracks[position];
        if let Some(log) = &mut self.log {
            log.keep(Sighting::of(at, track.ssrc, incoming, payload));
        }
        if track.inspect(incoming, payload) {
            let after = at.saturating_duration_since(self.requested);
            self.picture_after.get_or_insert(after);
            let is_video = |section: &&Accepted| section.kind == Kind::Video;
            let wanted = self.sections.iter().filter(is_video).count();
            let shown = self.tracks.iter().filter(|track| track.has_shown()).count();
            if shown == wanted {
                self.pictures_after.get_or_insert(after);
            }
        }
    }

    /// The track that an SSRC of repairs repairs: as the answer says, or the first of the kind that has none yet.
    fn repaired_by(&mut self, packet: &Packet<'_>) -> Option<usize> {
        let repair = packet.ssrc();
        let known = self.repairs.iter().find(|(known, _)| *known == repair);
        let media = match known {
            Some((_, media)) => *media,
            None => {
                let has_none = |track: &&Track| {
                    track.kind == Kind::Video
                        && self.repairs.iter().all(|(_, media)| *media != track.ssrc)
                };
                let media = self.tracks.iter().find(has_none)?.ssrc;
                self.repairs.push((repair, media));
                media
            }
        };
        self.tracks.iter().position(|track| track.ssrc == media)
    }

    fn track(&mut self, now: Instant, packet: &Packet<'_>, arrival: Duration) -> Option<usize> {
        let ssrc = packet.ssrc();
        if let Some(found) = self.tracks.iter().position(|track| track.ssrc == ssrc) {
            return Some(found);
        }
        let number = packet.payload_type();
        let section = self
            .sections
            .iter()
            .find(|section| section.payload_type == number)?;
        if self.tracks.len() == MAX_TRACKS {
            return None;
        }
        let via = match section.rtx {
            Some(_) => Via::First,
            None => Via::Either,
        };
        self.tracks
            .push(Track::new(now, section.kind, via, packet, arrival));
        Some(self.tracks.len() - 1)
    }

    fn hear(&mut self, now: Instant, mut compound: &[u8]) {
        let Ok(packets) = rtc_rtcp::packet::unmarshal(&mut compound) else {
            return;
        };
        for packet in packets {
            if let Some(report) = packet.as_any().downcast_ref::<SenderReport>()
                && let Some(track) = self
                    .tracks
                    .iter_mut()
                    .find(|track| track.ssrc == report.ssrc)
            {
                track.hear_sender(now, report.ntp_time);
            }
        }
    }

    /// The RTCP packets that are due.
    fn feedback(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        for track in &mut self.tracks {
            let missing = track.sequence.due(now, &self.timing);
            if !missing.is_empty() {
                packets.push(feedback::nack(track.ssrc, &missing));
            }
            if track.wants_keyframe(now) {
                self.keyframe_requests += 1;
                packets.push(feedback::picture_loss(track.ssrc));
            }
        }
        if let (Some(wide), Some(track)) = (&mut self.transport_wide, self.tracks.first()) {
            packets.extend(wide.due(now, track.ssrc));
        }
        if self.next_report <= now && !self.tracks.is_empty() {
            self.next_report = now + REPORT_INTERVAL;
            let blocks = self
                .tracks
                .iter_mut()
                .map(|track| track.report(now))
                .collect();
            packets.push(feedback::receiver_report(blocks));
        }
        packets
    }
}
