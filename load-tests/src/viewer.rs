//! A light viewer: it receives, repairs and reports like a real client, and measures.

mod crowd;
mod feedback;
mod jitter;
mod picture;
mod report;
mod sequence;
mod track;

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rtc_rtcp::sender_report::SenderReport;

pub use crowd::{Crowd, CrowdError, Notice, Sample};
pub use report::{Percentiles, ViewerReport};
pub use track::histogram;

use crate::client::{Answer, Event, Kind, Link};
use crate::inbox::{Datagram, Inbox};
use crate::port::Port;
use crate::rtp::Packet;
use track::{Check, Track};

/// Between receiver reports.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Tracks of one viewer; more SSRCs than this are not measured.
const MAX_TRACKS: usize = 32;

/// How far a viewer has come.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Progress {
    Connecting,
    Connected,
    Failed(String),
}

/// A viewer that has been admitted by the server and is about to be driven by a [`Crowd`].
pub struct Seat {
    /// Which viewer of the run.
    pub index: usize,
    /// Its socket, which the candidate in its offer names.
    pub port: Port,
    /// Its association.
    pub link: Link,
    /// What was negotiated.
    pub answer: Answer,
    /// When it asked to join: the offer's way to the server is part of the join.
    pub requested: Instant,
}

/// One viewer.
struct Viewer {
    port: Port,
    session: Session,
}

/// Everything of a viewer but its socket, so that it can be worked on while the socket is read.
struct Session {
    index: usize,
    link: Link,
    requested: Instant,
    progress: Progress,
    connected_after: Option<Duration>,
    picture_after: Option<Duration>,
    capture_time_id: Option<u8>,
    payload_types: Vec<(u8, Kind)>,
    tracks: Vec<Track>,
    next_report: Instant,
    authenticated: u64,
    auth_failures: u64,
    keyframe_requests: u64,
}

impl Viewer {
    fn new(now: Instant, seat: Seat) -> Self {
        let payload_types = seat.answer.accepted.iter();
        Self {
            port: seat.port,
            session: Session {
                index: seat.index,
                link: seat.link,
                requested: seat.requested,
                progress: Progress::Connecting,
                connected_after: None,
                picture_after: None,
                capture_time_id: seat.answer.capture_time_id,
                payload_types: payload_types
                    .map(|(kind, number)| (*number, *kind))
                    .collect(),
                tracks: Vec::new(),
                next_report: now + REPORT_INTERVAL,
                authenticated: 0,
                auth_failures: 0,
                keyframe_requests: 0,
            },
        }
    }

    /// Reads everything that waits on the socket, and answers.
    fn readable(&mut self, now: Instant, inbox: &mut Inbox, delays: &mut Histogram<u64>) {
        let session = &mut self.session;
        let read = self
            .port
            .drain(inbox, |datagram| session.handle(now, &datagram, delays));
        if let Err(error) = read {
            self.session.fail(error);
        }
        self.flush();
    }

    /// Does what is due: checks, handshake, NACK, keyframe requests, reports.
    fn tick(&mut self, now: Instant) {
        if matches!(self.session.progress, Progress::Failed(_)) {
            return;
        }
        if let Err(error) = self.session.link.handle_timeout(now) {
            self.session.fail(error);
        }
        self.flush();
        if let Some(to) = self.session.link.remote() {
            for compound in self.session.feedback(now) {
                if let Some(sealed) = self.session.link.seal_rtcp(&compound) {
                    let _ = self.port.send(to, &sealed);
                }
            }
        }
    }

    fn close(&mut self, now: Instant) {
        self.session.link.close(now);
        self.flush();
    }

    /// What cannot be sent now is repeated by whoever needs it: ICE and DTLS have timers.
    fn flush(&mut self) {
        while let Some((to, bytes)) = self.session.link.poll_transmit() {
            let _ = self.port.send(to, &bytes);
        }
    }
}

impl Session {
    fn handle(&mut self, now: Instant, datagram: &Datagram<'_>, delays: &mut Histogram<u64>) {
        if matches!(self.progress, Progress::Failed(_)) {
            return;
        }
        match self.link.handle(now, datagram.from, datagram.bytes) {
            Ok(Event::Rtp) => self.receive(now, datagram, delays),
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

    fn fail(&mut self, why: impl ToString) {
        self.progress = Progress::Failed(why.to_string());
    }

    /// The media path. `delays` gathers those of the whole crowd.
    fn receive(&mut self, now: Instant, datagram: &Datagram<'_>, delays: &mut Histogram<u64>) {
        let Some(packet) = Packet::parse(datagram.bytes) else {
            return;
        };
        let Some(position) = self.track(now, &packet, datagram.arrival) else {
            return;
        };
        let track = &mut self.tracks[position];
        let size = datagram.bytes.len();
        let (check, delay) =
            track.arrive(now, &packet, size, datagram.arrival, self.capture_time_id);
        if let Some(micros) = delay {
            delays.saturating_record(micros);
        }
        if check == Check::Skip {
            return;
        }
        let Some(opened) = self.link.open_rtp(datagram.bytes) else {
            self.auth_failures += 1;
            return;
        };
        self.authenticated += 1;
        if let Some(opened) = Packet::parse(&opened)
            && track.inspect(&opened)
            && self.picture_after.is_none()
        {
            self.picture_after = Some(now - self.requested);
        }
    }

    fn track(&mut self, now: Instant, packet: &Packet<'_>, arrival: Duration) -> Option<usize> {
        let ssrc = packet.ssrc();
        if let Some(found) = self.tracks.iter().position(|track| track.ssrc == ssrc) {
            return Some(found);
        }
        let number = packet.payload_type();
        let (_, kind) = self
            .payload_types
            .iter()
            .find(|(known, _)| *known == number)?;
        if self.tracks.len() == MAX_TRACKS {
            return None;
        }
        self.tracks.push(Track::new(now, *kind, packet, arrival));
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
            let missing = track.sequence.due(now);
            if !missing.is_empty() {
                packets.push(feedback::nack(track.ssrc, &missing));
            }
            if track.wants_keyframe(now) {
                self.keyframe_requests += 1;
                packets.push(feedback::picture_loss(track.ssrc));
            }
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
