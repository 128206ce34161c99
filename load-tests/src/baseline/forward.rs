//! From one publisher's tracks to all viewers' tracks.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtp::Packet;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use tokio::sync::broadcast::{Receiver, Sender, channel, error::RecvError};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};

/// Packets a viewer may lag behind: two seconds of 20 Mbit/s.
const BACKLOG: usize = 4096;
/// Keyframes are not asked for more often.
const KEYFRAME_SPACING: Duration = Duration::from_millis(500);

/// What one publisher sends.
pub struct Publication {
    packets: Sender<(RtpCodecKind, Packet)>,
    video: Mutex<Option<Video>>,
}

struct Video {
    track: Arc<dyn TrackRemote>,
    ssrc: u32,
    asked: Option<Instant>,
}

impl Publication {
    pub fn new() -> Self {
        Self {
            packets: channel(BACKLOG).0,
            video: Mutex::new(None),
        }
    }

    pub fn subscribe(&self) -> Receiver<(RtpCodecKind, Packet)> {
        self.packets.subscribe()
    }

    /// Forwards a track until it ends.
    pub async fn forward(&self, track: Arc<dyn TrackRemote>) {
        let kind = track.kind().await;
        if kind == RtpCodecKind::Video
            && let Some(ssrc) = track.ssrcs().await.first().copied()
        {
            let video = Video {
                track: track.clone(),
                ssrc,
                asked: None,
            };
            *self.video.lock().expect("no holder panics") = Some(video);
        }
        while let Some(event) = track.poll().await {
            match event {
                // Nobody watching is no error.
                TrackRemoteEvent::OnRtpPacket(packet) => drop(self.packets.send((kind, packet))),
                TrackRemoteEvent::OnEnded => return,
                _ => {}
            }
        }
    }

    /// Asks the publisher for a keyframe, unless one was asked for just now.
    pub async fn request_keyframe(&self) {
        let target = {
            let mut video = self.video.lock().expect("no holder panics");
            let Some(video) = video.as_mut() else { return };
            let now = Instant::now();
            if video
                .asked
                .is_some_and(|asked| now - asked < KEYFRAME_SPACING)
            {
                return;
            }
            video.asked = Some(now);
            (video.track.clone(), video.ssrc)
        };
        let (track, media_ssrc) = target;
        let request = PictureLossIndication {
            sender_ssrc: 0,
            media_ssrc,
        };
        let _ = track.write_rtcp(vec![Box::new(request)]).await;
    }
}

/// One viewer's tracks, with the SSRCs they were announced with.
pub struct Tracks {
    pub video: (Arc<TrackLocalStaticRTP>, u32),
    pub audio: (Arc<TrackLocalStaticRTP>, u32),
}

impl Tracks {
    /// Writes everything to the viewer until its connection or the publication ends.
    pub async fn feed(self, mut packets: Receiver<(RtpCodecKind, Packet)>) {
        loop {
            let (kind, mut packet) = match packets.recv().await {
                Ok(received) => received,
                Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            };
            let (track, ssrc) = match kind {
                RtpCodecKind::Video => &self.video,
                _ => &self.audio,
            };
            packet.header.ssrc = *ssrc;
            if track.write_rtp(packet).await.is_err() {
                return;
            }
        }
    }
}
