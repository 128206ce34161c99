//! RTCP, keyframe requests and everything periodic.

use std::time::{Duration, Instant};

use relay_core::key::{Kind, SessionKey, TrackKey};
use relay_core::packet::Space;
use relay_core::report::ClockReading;

use super::{Engine, TICK};
use crate::worker::egress::Outlet;
use crate::worker::mail::{Mail, TrackDescription};
use crate::worker::rtcp::Message;
use crate::worker::session::Media;
use crate::worker::viewer::Exit;

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
                    if let Some(track) = viewer.track_of(ssrc) {
                        self.want_keyframe(now, track, outlet);
                    }
                }
                (Media::Viewer(viewer), Message::Nack { ssrc, missing }) => {
                    let Some(to) = session.transport.remote() else {
                        continue;
                    };
                    let Some(sealer) = session.transport.sealer() else {
                        continue;
                    };
                    let mut exit = Exit {
                        sealer,
                        to,
                        buffer: &mut self.buffer,
                        outlet,
                        counters: &self.counters,
                    };
                    viewer.resend(now, ssrc, &missing, &self.tracks, &mut exit);
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
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        if !session.transport.is_connected() {
            return;
        }
        let mut compounds = Vec::new();
        let mut resumed = Vec::new();
        match &mut session.media {
            Media::Publisher(publisher) => {
                compounds.extend(publisher.nacks(now));
                compounds.extend(publisher.transport_feedback(now));
                if report {
                    compounds.extend(publisher.report(now));
                    publisher.review_layers();
                }
            }
            Media::Viewer(viewer) => {
                if now.saturating_duration_since(session.transport.last_heard()) >= SILENCE {
                    viewer.pause();
                } else if viewer.resume() {
                    resumed.extend(viewer.shown().map(|(_, track)| track));
                }
                if report {
                    compounds.extend(viewer.reports(now, &self.tracks));
                }
            }
        }
        session.send_rtcp(compounds, outlet);
        for track in resumed {
            self.want_keyframe(now, track, outlet);
        }
    }

    pub(super) fn want_keyframe(&mut self, now: Instant, key: TrackKey, outlet: &mut impl Outlet) {
        if let Some(track) = self
            .tracks
            .get_mut(&key)
            .filter(|track| track.description.kind == Kind::Video)
        {
            track.keyframe_wanted = true;
            self.request_keyframe(now, key, outlet);
        }
    }

    pub(super) fn request_keyframe(
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
            // However many viewers ask however often, it is one message per tick.
            let due = track
                .keyframe_asked
                .is_none_or(|asked| now.saturating_duration_since(asked) >= TICK);
            if due && std::mem::take(&mut track.keyframe_wanted) {
                track.keyframe_asked = Some(now);
                self.outputs
                    .mail
                    .push_back((owner, Mail::KeyframeWanted(key)));
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

    pub(super) fn share_clock(
        &mut self,
        description: &TrackDescription,
        space: Space,
        reading: ClockReading,
    ) {
        let Some(track) = self.tracks.get_mut(&description.key) else {
            return;
        };
        track.layer_mut(space).clock = Some(reading);
        let mail = track
            .others
            .iter()
            .map(|worker| (*worker, Mail::Clock(description.key, space, reading)));
        self.outputs.mail.extend(mail);
    }
}
