//! Peer connections of publishers and viewers, as the crate's examples make them.

use std::sync::{Arc, Mutex};

use rtc::interceptor::Registry;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::interceptor_registry::register_default_interceptors;
use rtc::peer_connection::configuration::media_engine::MediaEngine;
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RTCRtpHeaderExtensionCapability,
    RtpCodecKind,
};
use tokio::sync::Notify;
use webrtc::error::{Error, Result};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::TrackRemote;
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceGatheringState,
    RTCPeerConnectionState,
};

use super::forward::{Publication, Tracks};
use crate::client::ABS_CAPTURE_TIME;

/// What a connection does when something happens.
struct Events {
    gathered: Arc<Notify>,
    publication: Arc<Publication>,
    /// What a viewer is fed with, once it is connected.
    tracks: Mutex<Option<Tracks>>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Events {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.gathered.notify_one();
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        if state != RTCPeerConnectionState::Connected {
            return;
        }
        let tracks = self.tracks.lock().expect("no holder panics").take();
        if let Some(tracks) = tracks {
            let publication = self.publication.clone();
            // Ends with its connection: writing to a closed track fails.
            tokio::spawn(async move {
                let packets = publication.subscribe();
                publication.request_keyframe().await;
                tracks.feed(packets).await;
            });
        }
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let publication = self.publication.clone();
        // Ends with its track.
        tokio::spawn(async move { publication.forward(track).await });
    }
}

/// Answers a publisher's offer.
pub async fn publisher(
    offer: String,
    publication: Arc<Publication>,
) -> Result<(Arc<dyn PeerConnection>, String)> {
    answer(offer, publication, None).await
}

/// Answers a viewer's offer.
pub async fn viewer(
    offer: String,
    publication: Arc<Publication>,
) -> Result<(Arc<dyn PeerConnection>, String)> {
    let tracks = Tracks {
        video: local_track(RtpCodecKind::Video),
        audio: local_track(RtpCodecKind::Audio),
    };
    answer(offer, publication, Some(tracks)).await
}

async fn answer(
    offer: String,
    publication: Arc<Publication>,
    tracks: Option<Tracks>,
) -> Result<(Arc<dyn PeerConnection>, String)> {
    let mut engine = MediaEngine::default();
    engine.register_default_codecs()?;
    for kind in [RtpCodecKind::Video, RtpCodecKind::Audio] {
        let uri = ABS_CAPTURE_TIME.to_owned();
        engine.register_header_extension(RTCRtpHeaderExtensionCapability { uri }, kind, None)?;
    }
    let registry = register_default_interceptors(Registry::new(), &mut engine)?;
    let local: Vec<Arc<dyn TrackLocal>> = tracks.iter().flat_map(Tracks::local).collect();
    let gathered = Arc::new(Notify::new());
    let events = Events {
        gathered: gathered.clone(),
        publication,
        tracks: Mutex::new(tracks),
    };
    let connection: Arc<dyn PeerConnection> = Arc::new(
        PeerConnectionBuilder::new()
            .with_media_engine(engine)
            .with_interceptor_registry(registry)
            .with_handler(Arc::new(events))
            .with_udp_addrs(vec!["127.0.0.1:0"])
            .build()
            .await?,
    );
    for track in local {
        connection.add_track(track).await?;
    }
    connection
        .set_remote_description(RTCSessionDescription::offer(offer)?)
        .await?;
    let answer = connection.create_answer(None).await?;
    connection.set_local_description(answer).await?;
    gathered.notified().await;
    let description = connection.local_description().await;
    let sdp = description
        .ok_or_else(|| Error::Other("there is no answer".to_owned()))?
        .sdp;
    Ok((connection, sdp))
}

impl Tracks {
    fn local(&self) -> [Arc<dyn TrackLocal>; 2] {
        [self.video.0.clone(), self.audio.0.clone()]
    }
}

fn local_track(kind: RtpCodecKind) -> (Arc<TrackLocalStaticRTP>, u32) {
    let ssrc = rand::random::<u32>().max(2);
    let (name, codec) = match kind {
        RtpCodecKind::Video => (
            "video",
            RTCRtpCodec {
                mime_type: "video/H264".to_owned(),
                clock_rate: 90_000,
                sdp_fmtp_line:
                    "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
                        .to_owned(),
                ..RTCRtpCodec::default()
            },
        ),
        _ => (
            "audio",
            RTCRtpCodec {
                mime_type: "audio/opus".to_owned(),
                clock_rate: 48_000,
                channels: 2,
                sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
                ..RTCRtpCodec::default()
            },
        ),
    };
    let track = MediaStreamTrack::new(
        "baseline".to_owned(),
        name.to_owned(),
        name.to_owned(),
        kind,
        vec![RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters {
                ssrc: Some(ssrc),
                ..RTCRtpCodingParameters::default()
            },
            codec,
            ..RTCRtpEncodingParameters::default()
        }],
    );
    (Arc::new(TrackLocalStaticRTP::new(track)), ssrc)
}
