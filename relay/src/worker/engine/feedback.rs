//! RTCP, keyframe requests and everything periodic.

use std::sync::Arc;
use std::time::{Duration, Instant};

use relay_core::allocator::LayerRate;
use relay_core::key::{Kind, LayerSet, SessionKey, TrackKey};
use relay_core::packet::Space;
use relay_core::report::ClockReading;

use super::forwarding::exit;
use super::{Engine, TICK};
use crate::worker::egress::Outlet;
use crate::worker::mail::{Mail, Notice, TrackDescription};
use crate::worker::rtcp::Message;
use crate::worker::session::Media;

/// How long a viewer may be silent before media to it pauses. Clients check every 2 to 6 s and report more often; at 30 Mbit/s it
/// is still less than the 2¹⁵ packets that SRTP can miss.
const SILENCE: Duration = Duration::from_secs(10);

impl Engine {
    pub(super) fn handle_rtcp(
        &mut self,
        now: Instant,
        key: SessionKey,
        messages: Vec<Message>,
        outlet: &mut impl Outlet,
    ) {
        for message in messages {
            let Some(session) = self.sessions.get_mut(&key) else {
                return;
            };
            match (&mut session.media, message) {
                (Media::Publisher(publisher), Message::SenderReport { ssrc, ntp, rtp }) => {
                    let reading = ClockReading {
                        ntp,
                        rtp,
                        arrived: now,
                    };
                    if let Some((description, space)) = publisher.sender_report(ssrc, reading) {
                        self.share_clock(&description, space, reading);
                    }
                }
                (Media::Viewer(viewer), Message::KeyframeRequest { ssrc }) => {
                    self.counters.keyframe_requests_received.add(1);
                    match viewer.keyframe_request(now, ssrc) {
                        Some((track, layer)) => self.want_keyframe(now, track, layer, outlet),
                        None => self.counters.keyframe_requests_ignored.add(1),
                    }
                }
                (Media::Viewer(_), Message::Nack { ssrc, missing }) => {
                    if let Some((viewer, mut exit)) =
                        exit(now, session, &mut self.buffer, outlet, &self.counters)
                    {
                        viewer.resend(ssrc, &missing, &self.tracks, &mut exit);
                    }
                }
                (Media::Viewer(viewer), Message::TransportFeedback(feedback)) => {
                    viewer.transport_feedback(now, &feedback);
                }
                (Media::Viewer(viewer), Message::Estimate { bitrate }) => {
                    viewer.remb(now, bitrate);
                }
                (Media::Viewer(viewer), Message::Reception(reception)) => {
                    viewer.reception(now, reception);
                }
                // Publishers leave by DELETE, close_notify or silence: BYE of one SSRC says nothing about the session.
                (Media::Publisher(_), _) | (Media::Viewer(_), _) => {}
            }
        }
    }

    pub(super) fn tick(
        &mut self,
        now: Instant,
        key: SessionKey,
        report: bool,
        outlet: &mut impl Outlet,
    ) {
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        if session.transport.poll_timeout().is_some_and(|at| at <= now) {
            session.transport.handle_timeout(now);
            self.drain(now, key, outlet);
        }
        match self.sessions.get(&key) {
            Some(session) if session.transport.is_connected() => match session.media {
                Media::Publisher(_) => self.tick_publisher(now, key, report, outlet),
                Media::Viewer(_) => self.tick_viewer(now, key, report, outlet),
            },
            _ => {}
        }
    }

    fn tick_publisher(
        &mut self,
        now: Instant,
        key: SessionKey,
        report: bool,
        outlet: &mut impl Outlet,
    ) {
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        let silence = now.saturating_duration_since(session.transport.last_heard());
        let Media::Publisher(publisher) = &mut session.media else {
            return;
        };
        let mut compounds = publisher.transport_feedback(now);
        let rates = publisher.layer_rates(now);
        if report {
            compounds.extend(publisher.report(now));
            let reading = publisher.reading(now, silence);
            let notice = Notice::Line(Box::new(reading));
            self.outputs.notices.push_back(notice);
        }
        session.send_rtcp(compounds, outlet);
        for (track, rates) in rates {
            self.share_rates(track, rates);
        }
        self.request_repairs(now, key, outlet);
    }

    fn tick_viewer(
        &mut self,
        now: Instant,
        key: SessionKey,
        report: bool,
        outlet: &mut impl Outlet,
    ) {
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        let silence = now.saturating_duration_since(session.transport.last_heard());
        let Some((viewer, mut exit)) = exit(now, session, &mut self.buffer, outlet, &self.counters)
        else {
            return;
        };
        let mut resumes = false;
        if silence >= SILENCE {
            viewer.pause();
        } else {
            resumes = viewer.resume(now);
            viewer.probe(&self.tracks, &mut exit);
        }
        if report {
            let compounds = viewer.reports(now, &self.tracks);
            let reading = viewer.reading(now, key, silence, &self.tracks);
            let notice = Notice::Line(Box::new(reading));
            self.outputs.notices.push_back(notice);
            session.send_rtcp(compounds, outlet);
        }
        match resumes {
            true => self.show(now, key, outlet),
            false => self.review(now, key, outlet),
        }
    }

    /// Asks a publisher for the packets that are missing, where that is due.
    pub(super) fn request_repairs(
        &mut self,
        now: Instant,
        key: SessionKey,
        outlet: &mut impl Outlet,
    ) {
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        if let Media::Publisher(publisher) = &mut session.media
            && publisher.poll_nacks().is_some_and(|at| at <= now)
        {
            let nacks = publisher.nacks(now);
            session.send_rtcp(nacks, outlet);
        }
    }

    pub(super) fn want_keyframe(
        &mut self,
        now: Instant,
        key: TrackKey,
        layer: u8,
        outlet: &mut impl Outlet,
    ) {
        if let Some(track) = self
            .tracks
            .get_mut(&key)
            .filter(|track| track.description.kind == Kind::Video)
        {
            track.keyframes_wanted = track.keyframes_wanted.with(LayerSet::of(layer));
            self.request_keyframes(now, key, outlet);
        }
    }

    pub(super) fn request_keyframes(
        &mut self,
        now: Instant,
        key: TrackKey,
        outlet: &mut impl Outlet,
    ) {
        let Some(track) = self.tracks.get_mut(&key) else {
            return;
        };
        let owner = track.description.worker;
        if owner != self.index {
            let layers = track.take_wanted(now, TICK);
            if !layers.is_empty() {
                let mail = Mail::KeyframeWanted(key, layers);
                self.outputs.mail.push_back((owner, mail));
            }
            return;
        }
        let Some(session) = self.sessions.get_mut(&key.session) else {
            return;
        };
        if let Media::Publisher(publisher) = &mut session.media
            && session.transport.is_connected()
        {
            let requests = publisher.keyframe_requests(now, track);
            session.send_rtcp(requests, outlet);
        }
    }

    /// Which layers there are concerns every viewer of the track.
    fn share_rates(&mut self, key: TrackKey, rates: Arc<[LayerRate]>) {
        let Some(track) = self.tracks.get_mut(&key) else {
            return;
        };
        if !is_news(&track.rates, &rates) {
            return;
        }
        track.rates = rates.clone();
        let others = track.others.iter();
        let mail = others.map(|(worker, _)| (*worker, Mail::Layers(key, rates.clone())));
        self.outputs.mail.extend(mail);
    }

    pub(super) fn share_clock(
        &mut self,
        description: &TrackDescription,
        space: Space,
        reading: ClockReading,
    ) {
        let Some(track) = self.tracks.get_mut(&description.key) else {
            return;
        };
        track.set_clock(space, reading);
        let mail = track
            .others
            .iter()
            .map(|(worker, _)| (*worker, Mail::Clock(description.key, space, reading)));
        self.outputs.mail.extend(mail);
    }
}

/// Whether a layer came or went, or a rate moved by more than an eighth.
fn is_news(known: &[LayerRate], rates: &[LayerRate]) -> bool {
    let moved = |(known, rate): (&LayerRate, &LayerRate)| {
        known.layer != rate.layer || known.bitrate.abs_diff(rate.bitrate) > known.bitrate / 8
    };
    known.len() != rates.len() || known.iter().zip(rates).any(moved)
}
