//! Everything of a publisher but its socket and its thread: it is told the time and handed datagrams.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rtc_rtcp::sender_report::SenderReport;
use rtc_shared::marshal::Marshal;

use super::burst::Burst;
use super::feedback::{Feedback, shortest_spacing};
use super::h264::Cut;
use super::history::History;
use super::packer::{MTU, Packer};
use super::programme::{Layer, Programme};
use super::schedule::{PACING_INTERVAL, Schedule};
use super::source::Source;
use super::{Entry, LayerReport, Pacing, PublisherReport};
use crate::client::{AUDIO_PAYLOAD_TYPE, Event, Kind, Link, VIDEO_PAYLOAD_TYPE};
use crate::inbox::Datagram;
use crate::ntp::Ntp;

/// Bytes of an audio packet's payload: Opus at 64 kbit/s.
const AUDIO_BYTES: usize = 160;
/// How much faster than its rate a paced publisher may send, as libwebrtc.
const PACING_FACTOR: f64 = 2.5;
/// The longest wait; timers of the association need no finer one.
const MAX_WAIT: Duration = Duration::from_millis(10);

/// Where packets go. They go at once, and say when they left, so that sealing the rest of a frame is not counted as delay.
pub trait Outlet {
    /// Now, since the Unix epoch.
    fn wall(&self) -> Duration;

    /// Sends packets of `segment` bytes each, of which the last may be shorter.
    ///
    /// # Errors
    ///
    /// None of them, or not all of them, were sent.
    fn send(&mut self, to: SocketAddr, packets: &[u8], segment: usize) -> io::Result<()>;
}

/// The publisher.
pub struct Session {
    link: Link,
    pacing: Pacing,
    mbit: f64,
    layers: Vec<Showing>,
    sound: Option<Sending>,
    feedback: Feedback,
    queue: VecDeque<Queued>,
    state: State,
    report: PublisherReport,
    scratch: Vec<u8>,
    burst: Burst,
}

/// A layer that is sent.
struct Showing {
    sending: Sending,
    rid: &'static str,
    source: Source,
    every: u32,
}

struct Sending {
    packer: Packer,
    history: History,
}

struct Queued {
    layer: usize,
    media_time: u32,
    marker: bool,
    payload: Vec<u8>,
}

enum State {
    Connecting,
    Live(Schedule),
    Paused,
}

/// What an RTP packet is of.
#[derive(Clone, Copy)]
enum Of {
    Sound,
    Layer(usize),
}

impl Session {
    /// A publisher that begins to connect; `wall` is now, since the Unix epoch.
    pub fn new(wall: Duration, entry: Entry, programme: Programme) -> Self {
        let Entry {
            link,
            answer,
            layer_ssrcs,
            sound_ssrc,
        } = entry;
        let packer = |kind, ssrc, offered| {
            let payload_type = answer.payload_type(kind).unwrap_or(offered);
            Packer::new(ssrc, payload_type, answer.capture_time_id)
        };
        let sending = |packer| Sending {
            packer,
            history: History::default(),
        };
        let mbit = programme.mbit();
        let is_layered = programme.layers.len() > 1;
        let layers = programme.layers.into_iter().zip(&layer_ssrcs);
        let showing = |(layer, ssrc): (Layer, &u32)| {
            let mut packer = packer(Kind::Video, *ssrc, VIDEO_PAYLOAD_TYPE);
            if is_layered {
                let rid = layer.rid.as_bytes().first().copied().unwrap_or_default();
                // Any offset will do, but layers of one camera have their own.
                packer = packer.of_layer(b'0', rid, ssrc.wrapping_mul(2_654_435_761));
            }
            Showing {
                sending: sending(packer),
                rid: layer.rid,
                source: layer.source,
                every: layer.every,
            }
        };
        Self {
            pacing: programme.pacing,
            mbit,
            layers: layers.map(showing).collect(),
            sound: programme
                .sound
                .then(|| sending(packer(Kind::Audio, sound_ssrc, AUDIO_PAYLOAD_TYPE))),
            feedback: Feedback::new(wall, layer_ssrcs),
            link,
            queue: VecDeque::new(),
            state: State::Connecting,
            report: PublisherReport::default(),
            scratch: Vec::with_capacity(MTU),
            burst: Burst::default(),
        }
    }

    /// Whether the handshake has finished.
    pub fn is_connected(&self) -> bool {
        !matches!(self.state, State::Connecting)
    }

    /// Stops sending media, but keeps answering.
    pub fn pause(&mut self) {
        self.queue.clear();
        self.state = State::Paused;
    }

    /// Says goodbye.
    pub fn close(&mut self, now: Instant, outlet: &mut impl Outlet) {
        self.link.close(now);
        self.flush_link(outlet);
    }

    /// What it has done so far.
    pub fn report(&self) -> PublisherReport {
        let millis = |duration: &Duration| duration.as_secs_f64() * 1000.0;
        let mut all = Vec::new();
        let mut layers = Vec::new();
        for (layer, requests) in self.layers.iter().zip(self.feedback.keyframe_requests()) {
            all.extend(requests.iter().map(millis));
            layers.push(LayerReport {
                rid: layer.rid,
                keyframe_requests: requests.len(),
                keyframe_request_spacing_ms: shortest_spacing(requests).as_ref().map(millis),
            });
        }
        all.sort_by(f64::total_cmp);
        let spacings = layers
            .iter()
            .filter_map(|layer| layer.keyframe_request_spacing_ms);
        PublisherReport {
            srtp_profile: self.link.profile(),
            keyframe_requests_ms: all,
            keyframe_request_spacing_ms: spacings.min_by(f64::total_cmp),
            layers,
            ..self.report.clone()
        }
    }

    /// Takes one datagram.
    ///
    /// # Errors
    ///
    /// Why it is over.
    pub fn handle(
        &mut self,
        now: Instant,
        datagram: &Datagram<'_>,
        outlet: &mut impl Outlet,
    ) -> Result<(), String> {
        match self.link.handle(now, datagram.from, datagram.bytes) {
            Ok(Event::Connected) => self.state = State::Live(Schedule::new(now, self.pacing)),
            Ok(Event::Rtcp(compound)) => self.hear(datagram.arrival, &compound, outlet),
            Ok(Event::Closed) => return Err("the server closed the session".to_owned()),
            Ok(Event::Rtp | Event::Nothing) => {}
            Err(error) => return Err(error.to_string()),
        }
        self.flush_link(outlet);
        Ok(())
    }

    /// When to call [`Session::handle_timeout`] at the latest.
    pub fn poll_timeout(&self, now: Instant) -> Instant {
        let due = match &self.state {
            State::Live(schedule) => schedule.next(!self.queue.is_empty()),
            State::Connecting | State::Paused => now + MAX_WAIT,
        };
        due.min(now + MAX_WAIT)
    }

    /// Sends what is due; of what is overdue, one thing at a time.
    ///
    /// # Errors
    ///
    /// Why it is over.
    pub fn handle_timeout(&mut self, now: Instant, outlet: &mut impl Outlet) -> Result<(), String> {
        self.link
            .handle_timeout(now)
            .map_err(|error| error.to_string())?;
        self.flush_link(outlet);
        let Some(to) = self.link.remote() else {
            return Ok(());
        };
        let State::Live(schedule) = &mut self.state else {
            return Ok(());
        };
        let due = schedule.take(now);
        let clocks =
            [Kind::Video, Kind::Audio].map(|kind| schedule.media_time(now, kind.clock_rate()));
        // Audio goes first, as pacers let it.
        if let Some(media_time) = due.sound
            && self.sound.is_some()
        {
            self.pack_and_seal(
                to,
                Of::Sound,
                media_time,
                false,
                &[0xfc; AUDIO_BYTES],
                outlet,
            );
            self.report.send_errors += self.burst.flush(to, outlet);
        }
        if let Some((number, media_time)) = due.frame {
            self.queue_frames(number, media_time);
        }
        if due.batch {
            self.send_queue(to, outlet);
        }
        if due.report {
            self.send_reports(to, clocks, outlet);
        }
        Ok(())
    }

    fn hear(&mut self, arrival: Duration, compound: &[u8], outlet: &mut impl Outlet) {
        let demands = self.feedback.hear(arrival, compound);
        for layer in &mut self.layers {
            if demands.keyframes.contains(&layer.sending.packer.ssrc()) {
                layer.source.request_keyframe();
            }
        }
        let Some(to) = self.link.remote() else { return };
        for (ssrc, sequence) in &demands.repairs {
            let sendings = self.layers.iter().map(|layer| &layer.sending);
            let sending = sendings
                .chain(&self.sound)
                .find(|sending| sending.packer.ssrc() == *ssrc);
            if let Some(packet) = sending.and_then(|sending| sending.history.find(*sequence))
                && outlet.send(to, packet, packet.len()).is_ok()
            {
                self.report.repairs += 1;
            }
        }
    }

    fn flush_link(&mut self, outlet: &mut impl Outlet) {
        while let Some((to, bytes)) = self.link.poll_transmit() {
            let _ = outlet.send(to, &bytes, bytes.len());
        }
    }

    /// The small layers go first: that they wait for the large ones would help nobody.
    fn queue_frames(&mut self, number: u32, media_time: u32) {
        let cut = match self.pacing {
            Pacing::Burst => Cut::FullThenRest,
            Pacing::Paced => Cut::Even,
        };
        for (at, layer) in self.layers.iter_mut().enumerate().rev() {
            if !number.is_multiple_of(layer.every) {
                continue;
            }
            let picture = layer.source.next_picture();
            self.report.frames += 1;
            self.report.keyframes += u64::from(picture.is_keyframe());
            let payloads = picture.payloads(MTU - layer.sending.packer.header_bytes(), cut);
            let last = payloads.len() - 1;
            for (index, payload) in payloads.into_iter().enumerate() {
                self.queue.push_back(Queued {
                    layer: at,
                    media_time,
                    marker: index == last,
                    payload,
                });
            }
        }
    }

    fn send_queue(&mut self, to: SocketAddr, outlet: &mut impl Outlet) {
        let mut budget = match self.pacing {
            Pacing::Burst => usize::MAX,
            Pacing::Paced => {
                let bytes = self.mbit * 1e6 / 8.0 * PACING_FACTOR;
                (bytes * PACING_INTERVAL.as_secs_f64()) as usize
            }
        };
        while budget > 0 {
            let Some(queued) = self.queue.pop_front() else {
                break;
            };
            let header = self.layers[queued.layer].sending.packer.header_bytes();
            budget = budget.saturating_sub(queued.payload.len() + header);
            let Queued {
                layer,
                media_time,
                marker,
                payload,
            } = queued;
            self.pack_and_seal(to, Of::Layer(layer), media_time, marker, &payload, outlet);
        }
        self.report.send_errors += self.burst.flush(to, outlet);
    }

    /// Seals a packet, which leaves with those of its size.
    fn pack_and_seal(
        &mut self,
        to: SocketAddr,
        of: Of,
        media_time: u32,
        marker: bool,
        payload: &[u8],
        outlet: &mut impl Outlet,
    ) {
        let sending = match of {
            Of::Layer(at) => Some(&mut self.layers[at].sending),
            Of::Sound => self.sound.as_mut(),
        };
        let Some(Sending { packer, history }) = sending else {
            return;
        };
        let left = Ntp::from_unix(outlet.wall());
        let sequence = packer.pack(&mut self.scratch, media_time, marker, payload, left);
        let Some(sealed) = self.link.seal_rtp(&self.scratch) else {
            return;
        };
        let sealed = sealed.freeze();
        history.keep(sequence, sealed.clone());
        self.report.packets += 1;
        self.report.send_errors += self.burst.push(to, &sealed, outlet);
    }

    /// One moment on the clocks of all SSRCs (RFC 3550 §6.4.1).
    fn send_reports(&mut self, to: SocketAddr, clocks: [u32; 2], outlet: &mut impl Outlet) {
        let ntp_time = Ntp::from_unix(outlet.wall()).0;
        let [video, audio] = clocks;
        let layers = self.layers.iter().map(|layer| (&layer.sending, video));
        let sound = self.sound.iter().map(|sound| (sound, audio));
        for (sending, media_time) in layers.chain(sound) {
            let (packet_count, octet_count) = sending.packer.sent();
            let report = SenderReport {
                ssrc: sending.packer.ssrc(),
                ntp_time,
                rtp_time: sending.packer.timestamp(media_time),
                packet_count,
                octet_count,
                ..SenderReport::default()
            };
            if let Ok(plain) = report.marshal()
                && let Some(sealed) = self.link.seal_rtcp(&plain)
            {
                let _ = outlet.send(to, &sealed, sealed.len());
            }
        }
    }
}
