//! The publisher's thread: frames and audio on time, answers to what the server asks.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender, TryRecvError};
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};
use rtc_rtcp::sender_report::SenderReport;
use rtc_shared::marshal::Marshal;

use super::feedback::{Feedback, shortest_spacing};
use super::h264::Cut;
use super::history::History;
use super::packer::{HEADER_BYTES, MTU, Packer};
use super::schedule::{PACING_INTERVAL, Schedule};
use super::{Command, Notice, Pacing, Programme, PublisherReport, Stand};
use crate::client::{AUDIO_PAYLOAD_TYPE, Event, Kind, Link, VIDEO_PAYLOAD_TYPE};
use crate::inbox::{Inbox, unix_now};
use crate::ntp::Ntp;
use crate::port::Port;

/// Bytes of an audio packet's payload: Opus at 64 kbit/s.
const AUDIO_BYTES: usize = 160;
/// How much faster than its rate a paced publisher may send, as libwebrtc.
const PACING_FACTOR: f64 = 2.5;
/// The longest wait; timers of the association need no finer one.
const MAX_WAIT: Duration = Duration::from_millis(10);
/// Bytes gathered for one GSO call.
const RUN_BYTES: usize = 60_000;

pub struct Publishing {
    poll: Poll,
    port: Port,
    link: Link,
    programme: Programme,
    video: Sending,
    audio: Sending,
    feedback: Feedback,
    queue: VecDeque<Queued>,
    state: State,
    report: PublisherReport,
    scratch: Vec<u8>,
    run: Run,
}

struct Sending {
    packer: Packer,
    history: History,
}

struct Queued {
    timestamp: u32,
    marker: bool,
    payload: Vec<u8>,
}

enum State {
    Connecting,
    Live(Schedule),
    Paused,
}

/// Sealed packets of equal size that wait for one GSO call.
#[derive(Default)]
struct Run {
    bytes: Vec<u8>,
    size: usize,
    packets: u64,
}

impl Publishing {
    pub fn new(stand: Stand, programme: Programme) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut port = stand.port;
        poll.registry()
            .register(port.source(), Token(0), Interest::READABLE)?;
        let sending = |kind, ssrc, offered| Sending {
            packer: Packer::new(
                ssrc,
                stand.answer.payload_type(kind).unwrap_or(offered),
                stand.answer.capture_time_id,
            ),
            history: History::default(),
        };
        Ok(Self {
            poll,
            port,
            link: stand.link,
            programme,
            video: sending(Kind::Video, stand.video_ssrc, VIDEO_PAYLOAD_TYPE),
            audio: sending(Kind::Audio, stand.audio_ssrc, AUDIO_PAYLOAD_TYPE),
            feedback: Feedback::new(unix_now(), stand.video_ssrc),
            queue: VecDeque::new(),
            state: State::Connecting,
            report: PublisherReport::default(),
            scratch: Vec::with_capacity(MTU),
            run: Run::default(),
        })
    }

    pub fn run(mut self, commands: &Receiver<Command>, notices: &Sender<Notice>) {
        let mut events = Events::with_capacity(16);
        let mut inbox = Inbox::default();
        loop {
            let now = Instant::now();
            if !self.obey(commands) {
                self.link.close(now);
                self.flush_link();
                return;
            }
            if let Err(why) = self.step(now) {
                let _ = notices.send(Notice::Failed(why));
                return;
            }
            let wait = self.next_due().saturating_duration_since(Instant::now());
            match self.poll.poll(&mut events, Some(wait.min(MAX_WAIT))) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let _ = notices.send(Notice::Failed(error.to_string()));
                    return;
                }
            }
            if let Err(why) = self.read(&mut inbox, notices) {
                let _ = notices.send(Notice::Failed(why));
                return;
            }
        }
    }

    /// False when the owner is gone.
    fn obey(&mut self, commands: &Receiver<Command>) -> bool {
        loop {
            match commands.try_recv() {
                Ok(Command::Report(reply)) => {
                    let _ = reply.send(self.report());
                }
                Ok(Command::Pause) => {
                    self.queue.clear();
                    self.state = State::Paused;
                }
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn report(&self) -> PublisherReport {
        let requests = self.feedback.keyframe_requests();
        let millis = |duration: Duration| duration.as_secs_f64() * 1000.0;
        PublisherReport {
            srtp_profile: self.link.profile(),
            keyframe_requests_ms: requests.iter().map(|at| millis(*at)).collect(),
            keyframe_request_spacing_ms: shortest_spacing(requests).map(millis),
            ..self.report.clone()
        }
    }

    fn read(&mut self, inbox: &mut Inbox, notices: &Sender<Notice>) -> Result<(), String> {
        let now = Instant::now();
        let mut heard = Vec::new();
        let mut connected = false;
        let mut failure = None;
        let link = &mut self.link;
        self.port
            .drain(inbox, |datagram| {
                match link.handle(now, datagram.from, datagram.bytes) {
                    Ok(Event::Connected) => connected = true,
                    Ok(Event::Rtcp(compound)) => heard.push((datagram.arrival, compound)),
                    Ok(Event::Closed) => failure = Some("the server closed the session".to_owned()),
                    Ok(Event::Rtp | Event::Nothing) => {}
                    Err(error) => failure = Some(error.to_string()),
                }
            })
            .map_err(|error| error.to_string())?;
        if let Some(why) = failure {
            return Err(why);
        }
        self.flush_link();
        if connected {
            self.state = State::Live(Schedule::new(Instant::now(), self.programme.pacing));
            let _ = notices.send(Notice::Connected);
        }
        for (arrival, compound) in heard {
            let demands = self.feedback.hear(arrival, &compound);
            if demands.keyframe {
                self.programme.source.request_keyframe();
            }
            self.repair(&demands.repairs);
        }
        Ok(())
    }

    fn repair(&mut self, wanted: &[(u32, u16)]) {
        let Some(to) = self.link.remote() else { return };
        for (ssrc, sequence) in wanted {
            let sending = match *ssrc == self.video.packer.ssrc() {
                true => &self.video,
                false => &self.audio,
            };
            if let Some(packet) = sending.history.find(*sequence)
                && self.port.send(to, packet).is_ok()
            {
                self.report.repairs += 1;
            }
        }
    }

    fn flush_link(&mut self) {
        while let Some((to, bytes)) = self.link.poll_transmit() {
            let _ = self.port.send(to, &bytes);
        }
    }

    fn next_due(&self) -> Instant {
        match &self.state {
            State::Live(schedule) => schedule.next(!self.queue.is_empty()),
            State::Connecting | State::Paused => Instant::now() + MAX_WAIT,
        }
    }

    fn step(&mut self, now: Instant) -> Result<(), String> {
        self.link
            .handle_timeout(now)
            .map_err(|error| error.to_string())?;
        self.flush_link();
        let Some(to) = self.link.remote() else {
            return Ok(());
        };
        let State::Live(schedule) = &mut self.state else {
            return Ok(());
        };
        let (frame_time, sound_time) = (schedule.frame_time(), schedule.sound_time());
        let due = schedule.take(now);
        // Audio goes first, as pacers let it.
        if let Some(timestamp) = due.sound {
            self.send_sound(to, timestamp);
        }
        if let Some(timestamp) = due.frame {
            self.queue_frame(timestamp);
        }
        if due.batch {
            self.send_queue(to);
        }
        if due.report {
            self.send_reports(to, frame_time, sound_time);
        }
        Ok(())
    }

    fn send_sound(&mut self, to: SocketAddr, timestamp: u32) {
        self.pack_and_seal(to, Kind::Audio, timestamp, false, &[0xfc; AUDIO_BYTES]);
        self.flush_run(to);
    }

    fn queue_frame(&mut self, timestamp: u32) {
        let picture = self.programme.source.next_picture();
        self.report.frames += 1;
        self.report.keyframes += u64::from(picture.is_keyframe());
        let cut = match self.programme.pacing {
            Pacing::Burst => Cut::FullThenRest,
            Pacing::Paced => Cut::Even,
        };
        let payloads = picture.payloads(MTU - HEADER_BYTES, cut);
        let last = payloads.len() - 1;
        for (index, payload) in payloads.into_iter().enumerate() {
            self.queue.push_back(Queued {
                timestamp,
                marker: index == last,
                payload,
            });
        }
    }

    fn send_queue(&mut self, to: SocketAddr) {
        let mut budget = match self.programme.pacing {
            Pacing::Burst => usize::MAX,
            Pacing::Paced => {
                let bytes = self.programme.mbit * 1e6 / 8.0 * PACING_FACTOR;
                (bytes * PACING_INTERVAL.as_secs_f64()) as usize
            }
        };
        while budget > 0 {
            let Some(queued) = self.queue.pop_front() else {
                break;
            };
            budget = budget.saturating_sub(queued.payload.len() + HEADER_BYTES);
            self.pack_and_seal(
                to,
                Kind::Video,
                queued.timestamp,
                queued.marker,
                &queued.payload,
            );
        }
        self.flush_run(to);
    }

    /// Seals a packet into the run, which is sent first when it is full or the size changes.
    fn pack_and_seal(
        &mut self,
        to: SocketAddr,
        kind: Kind,
        timestamp: u32,
        marker: bool,
        payload: &[u8],
    ) {
        let sending = match kind {
            Kind::Video => &mut self.video,
            Kind::Audio => &mut self.audio,
        };
        let sequence =
            sending
                .packer
                .pack(&mut self.scratch, timestamp, marker, payload, Ntp::now());
        let Some(sealed) = self.link.seal_rtp(&self.scratch) else {
            return;
        };
        let sealed = sealed.freeze();
        sending.history.keep(sequence, sealed.clone());
        self.report.packets += 1;
        // The last packet of a run may be shorter than the others, and ends it.
        let fits =
            self.run.bytes.len() + sealed.len() <= RUN_BYTES && sealed.len() <= self.run.size;
        if self.run.packets > 0 && !fits {
            self.flush_run(to);
        }
        if self.run.packets == 0 {
            self.run.size = sealed.len();
        }
        self.run.bytes.extend_from_slice(&sealed);
        self.run.packets += 1;
        if sealed.len() < self.run.size {
            self.flush_run(to);
        }
    }

    fn flush_run(&mut self, to: SocketAddr) {
        if self.run.packets == 0 {
            return;
        }
        if self
            .port
            .send_run(to, &self.run.bytes, self.run.size)
            .is_err()
        {
            self.report.send_errors += self.run.packets;
        }
        self.run.bytes.clear();
        self.run.packets = 0;
    }

    fn send_reports(&mut self, to: SocketAddr, frame_time: u32, sound_time: u32) {
        for (sending, rtp_time) in [(&self.video, frame_time), (&self.audio, sound_time)] {
            let (packet_count, octet_count) = sending.packer.sent();
            let report = SenderReport {
                ssrc: sending.packer.ssrc(),
                ntp_time: Ntp::now().0,
                rtp_time,
                packet_count,
                octet_count,
                ..SenderReport::default()
            };
            if let Ok(plain) = report.marshal()
                && let Some(sealed) = self.link.seal_rtcp(&plain)
            {
                let _ = self.port.send(to, &sealed);
            }
        }
    }
}
