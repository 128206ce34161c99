//! A relay for one publisher, made of the `webrtc` crate: whoever watches gets the packets that come in.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use participant::signalling::{Exchange, InProcess, OfferError, Session};
use participant::simulated::Network;
use participant::{Door, Refusal};
use rtc::media_stream::MediaStreamTrack;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RTCRtpHeaderExtensionCapability,
    RtpCodecKind,
};
use tokio::sync::{broadcast, watch};
use url::Url;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler,
    RTCIceGatheringState, RTCSessionDescription, Registry, SettingEngineBuilder,
    register_default_interceptors,
};

type Packets = broadcast::Sender<(RtpCodecKind, rtc::rtp::Packet)>;

/// The relay.
pub struct Mirror {
    state: Arc<State>,
}

struct State {
    network: Network,
    packets: Packets,
    connections: Mutex<Vec<Arc<dyn PeerConnection>>>,
    sources: Mutex<Vec<Arc<dyn TrackRemote>>>,
    refusal: Mutex<Option<u16>>,
    ended: AtomicU32,
}

impl Mirror {
    pub fn new(network: &Network) -> Self {
        let state = State {
            network: network.clone(),
            packets: broadcast::channel(8_192).0,
            connections: Mutex::default(),
            sources: Mutex::default(),
            refusal: Mutex::default(),
            ended: AtomicU32::new(0),
        };
        Self {
            state: Arc::new(state),
        }
    }

    /// Sessions ended by their owners.
    pub fn ended(&self) -> u32 {
        self.state.ended.load(Ordering::Relaxed)
    }

    pub fn refuse(&self, status: u16) {
        *self.state.refusal.lock().unwrap() = Some(status);
    }

    /// Forgets everybody, says nothing, and lets nobody in.
    pub async fn stop(&self) {
        self.refuse(503);
        let connections = std::mem::take(&mut *self.state.connections.lock().unwrap());
        self.state.sources.lock().unwrap().clear();
        for connection in connections {
            connection.close().await.unwrap();
        }
    }

    pub fn restart(&self) {
        *self.state.refusal.lock().unwrap() = None;
    }
}

impl InProcess for Mirror {
    fn offer(&self, door: Door, offer: String) -> Exchange {
        let state = self.state.clone();
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            if let Some(status) = *state.refusal.lock().unwrap() {
                return Err(OfferError::Refused(Refusal {
                    status,
                    detail: "as told".to_owned(),
                }));
            }
            let watching = door.url.path().starts_with("/whep");
            let answer = state.answer(offer, watching).await;
            Ok(Session {
                answer,
                resource: door.url.join("session/1").ok(),
            })
        })
    }

    fn end(&self, _: Door, _: Url) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.state.ended.fetch_add(1, Ordering::Relaxed);
        Box::pin(std::future::ready(()))
    }
}

impl State {
    async fn answer(self: Arc<Self>, offer: String, watching: bool) -> String {
        let (gathering, mut gathered) = watch::channel(RTCIceGatheringState::New);
        let mut media = MediaEngine::default();
        media.register_default_codecs().unwrap();
        for kind in [RtpCodecKind::Video, RtpCodecKind::Audio] {
            let uri = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time".to_owned();
            let extension = RTCRtpHeaderExtensionCapability { uri };
            media
                .register_header_extension(extension, kind, None)
                .unwrap();
        }
        let registry = register_default_interceptors(Registry::new(), &mut media).unwrap();
        let settings = SettingEngineBuilder::new()
            .with_multicast_dns_mode(rtc::ice::mdns::MulticastDnsMode::Disabled)
            .with_srtp_replay_protection_window(4_096)
            .build();
        let observer = Observer {
            state: self.clone(),
            gathering,
        };
        let connection: Arc<dyn PeerConnection> = Arc::new(
            PeerConnectionBuilder::new()
                .with_setting_engine(settings)
                .with_media_engine(media)
                .with_interceptor_registry(registry)
                .with_runtime(self.network.runtime())
                .with_handler(Arc::new(observer))
                .with_udp_addrs(vec![SocketAddr::from(([127, 0, 0, 1], 0))])
                .build()
                .await
                .unwrap(),
        );
        self.connections.lock().unwrap().push(connection.clone());
        let mut tracks = Vec::new();
        if watching {
            for (kind, mime_type, clock_rate, channels) in [
                (RtpCodecKind::Video, "video/H264", 90_000, 0),
                (RtpCodecKind::Audio, "audio/opus", 48_000, 2),
            ] {
                let codec = RTCRtpCodec {
                    mime_type: mime_type.to_owned(),
                    clock_rate,
                    channels,
                    ..Default::default()
                };
                let ssrc = 1_000 + kind as u32;
                let coding = RTCRtpEncodingParameters {
                    rtp_coding_parameters: RTCRtpCodingParameters {
                        ssrc: Some(ssrc),
                        ..Default::default()
                    },
                    codec,
                    ..Default::default()
                };
                let track = MediaStreamTrack::new(
                    "camera".into(),
                    format!("{kind}"),
                    String::new(),
                    kind,
                    vec![coding],
                );
                let track = Arc::new(TrackLocalStaticRTP::new(track));
                connection.add_track(track.clone()).await.unwrap();
                tracks.push((kind, ssrc, track));
            }
        }
        connection
            .set_remote_description(RTCSessionDescription::offer(offer).unwrap())
            .await
            .unwrap();
        let answer = connection.create_answer(None).await.unwrap();
        connection.set_local_description(answer).await.unwrap();
        gathered
            .wait_for(|state| *state == RTCIceGatheringState::Complete)
            .await
            .unwrap();
        let answer = connection.local_description().await.unwrap().sdp;
        if watching {
            let capture_extension = capture_extension(&answer);
            tokio::spawn(self.feed(tracks, payload_types(&answer), capture_extension));
        }
        answer
    }

    /// Passes packets on for as long as the connection takes them.
    async fn feed(
        self: Arc<Self>,
        tracks: Vec<(RtpCodecKind, u32, Arc<TrackLocalStaticRTP>)>,
        types: Vec<(RtpCodecKind, u8)>,
        capture_extension: u8,
    ) {
        let mut packets = self.packets.subscribe();
        tokio::time::sleep(Duration::from_millis(500)).await;
        let sources = self.sources.lock().unwrap().clone();
        for source in sources {
            for media_ssrc in source.ssrcs().await {
                let request = PictureLossIndication {
                    sender_ssrc: 1,
                    media_ssrc,
                };
                let _ = source.write_rtcp(vec![Box::new(request)]).await;
            }
        }
        while let Ok((kind, mut packet)) = packets.recv().await {
            let Some((_, ssrc, track)) = tracks.iter().find(|(of, ..)| *of == kind) else {
                continue;
            };
            packet.header.ssrc = *ssrc;
            // Ids differ between connections; of the extensions only abs-capture-time is eight bytes long.
            let captured = packet
                .header
                .extensions
                .iter()
                .find(|extension| extension.payload.len() == 8);
            let captured = captured.map(|extension| extension.payload.clone());
            packet.header.extension = false;
            packet.header.extensions.clear();
            packet.header.extensions_padding = 0;
            if let Some(captured) = captured {
                packet
                    .header
                    .set_extension(capture_extension, captured)
                    .unwrap();
            }
            if let Some((_, payload_type)) = types.iter().find(|(of, _)| *of == kind) {
                packet.header.payload_type = *payload_type;
            }
            if track.write_rtp(packet).await.is_err() {
                return;
            }
        }
    }
}

/// The id of abs-capture-time.
fn capture_extension(answer: &str) -> u8 {
    let line = answer
        .lines()
        .find(|line| line.contains("abs-capture-time"))
        .unwrap();
    let id = line.strip_prefix("a=extmap:").unwrap();
    id.split(['/', ' ']).next().unwrap().parse().unwrap()
}

/// The first payload type of each line.
fn payload_types(answer: &str) -> Vec<(RtpCodecKind, u8)> {
    let line = |text: &str| {
        let mut words = text.strip_prefix("m=")?.split(' ');
        let kind = if words.next()? == "audio" {
            RtpCodecKind::Audio
        } else {
            RtpCodecKind::Video
        };
        Some((kind, words.nth(2)?.trim().parse().ok()?))
    };
    answer.lines().filter_map(line).collect()
}

struct Observer {
    state: Arc<State>,
    gathering: watch::Sender<RTCIceGatheringState>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Observer {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        self.gathering.send_replace(state);
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let state = self.state.clone();
        state.sources.lock().unwrap().push(track.clone());
        tokio::spawn(async move {
            let kind = track.kind().await;
            while let Some(event) = track.poll().await {
                if let TrackRemoteEvent::OnRtpPacket(packet) = event {
                    let _ = state.packets.send((kind, packet));
                }
            }
        });
    }
}
