//! One connection: peer connection, offer, answer, until media can flow.

mod engine;

use std::sync::Arc;
use std::time::Duration;

use rtc::ice::mdns::MulticastDnsMode;
use rtc::interceptor::Registry;
use rtc::media_stream::MediaStreamTrack;
use tokio::sync::watch;
use url::Url;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler,
    RTCBundlePolicy, RTCConfigurationBuilder, RTCIceGatheringState, RTCPeerConnectionState,
    RTCSessionDescription, SettingEngine, SettingEngineBuilder, SrtpProtectionProfile,
};
use webrtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use webrtc::runtime::{Runtime, timeout};

use crate::answer::Answer;
use crate::signalling::{Messenger, OfferError};
use crate::{Door, Kind, Platform, Refusal};

pub(crate) use engine::{receiving, sending, track};

/// From the answer until ICE and DTLS are through. They take a few round trips; a relay that is silent this long is not there.
const ESTABLISH: Duration = Duration::from_secs(5);
/// For collecting host candidates, which asks nobody.
const GATHER: Duration = Duration::from_secs(2);
/// Binding requests go out this often (RFC 7675 §5.1 wants consent at most every 4 s to 6 s; this is a fast detector).
const CONSENT_INTERVAL: Duration = Duration::from_millis(500);
/// Nothing was received for this long: the line is cut, or the relay has forgotten us.
const SILENCE: Duration = Duration::from_millis(2_500);
/// Between two connectivity checks of a pair. A check, its nomination and DTLS wait for one another, so the library's 200 ms
/// would be most of the time until the first picture.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);
/// Checks of a pair until it is given up, which is after 2 s.
const CHECKS: u16 = 100;
/// Packets a repair may come late by and still be accepted. The library's 64 would discard every retransmission of a 4K
/// keyframe, which is up to 518 packets long, as a replay.
const REPLAY_WINDOW: usize = 4_096;

/// What each m-line of the offer is for, in order.
pub(crate) enum Line {
    Send(Box<MediaStreamTrack>),
    Receive(Kind),
}

/// How a connection is made.
pub(crate) struct Plan<'a> {
    pub(crate) platform: &'a Platform,
    pub(crate) door: &'a Door,
    pub(crate) messenger: &'a Messenger,
    pub(crate) media: MediaEngine,
    pub(crate) registry: Registry,
    pub(crate) lines: Vec<Line>,
}

/// A connection over which media can flow. Must be closed: the library keeps a dropped one alive.
pub(crate) struct Connection {
    inner: Arc<dyn PeerConnection>,
    states: watch::Receiver<RTCPeerConnectionState>,
    gathering: watch::Receiver<RTCIceGatheringState>,
    runtime: Arc<dyn Runtime>,
    messenger: Messenger,
    resource: Option<Url>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error(transparent)]
    Refused(Refusal),
    #[error("{0}")]
    Unreachable(String),
    #[error("the answer cannot be used: {0}")]
    Answer(webrtc::error::Error),
    #[error("no media path: {0}")]
    NoPath(&'static str),
    #[error("this side cannot start: {0}")]
    Local(webrtc::error::Error),
    #[error("closed")]
    Closed,
}

impl From<OfferError> for ConnectError {
    fn from(error: OfferError) -> Self {
        match error {
            OfferError::Refused(refusal) => Self::Refused(refusal),
            OfferError::Unreachable(reason) => Self::Unreachable(reason),
        }
    }
}

/// Makes a connection, or cleans up after itself. `on_answer` is told the answer before the first packet can arrive, and may
/// say why it is of no use. Gives up when `closed` fires.
pub(crate) async fn connect(
    plan: Plan<'_>,
    closed: &mut watch::Receiver<()>,
    on_answer: impl FnOnce(&Answer) -> Result<(), &'static str>,
) -> Result<Connection, ConnectError> {
    let (gathering_sender, gathering) = watch::channel(RTCIceGatheringState::New);
    let (state_sender, states) = watch::channel(RTCPeerConnectionState::New);
    let observer = Observer {
        gathering: gathering_sender,
        states: state_sender,
    };
    let inner = PeerConnectionBuilder::new()
        .with_configuration(
            RTCConfigurationBuilder::new()
                .with_bundle_policy(RTCBundlePolicy::MaxBundle)
                .build(),
        )
        .with_setting_engine(settings())
        .with_media_engine(plan.media)
        .with_interceptor_registry(plan.registry)
        .with_handler(Arc::new(observer))
        .with_runtime(plan.platform.runtime.clone())
        .with_udp_addrs(plan.platform.addresses.for_door(plan.door))
        .build()
        .await
        .map_err(ConnectError::Local)?;
    let mut connection = Connection {
        inner: Arc::new(inner),
        states,
        gathering,
        runtime: plan.platform.runtime.clone(),
        messenger: plan.messenger.clone(),
        resource: None,
    };
    let established = tokio::select! {
        established = connection.establish(plan.lines, on_answer) => established,
        _ = closed.changed() => Err(ConnectError::Closed),
    };
    match established {
        Ok(()) => Ok(connection),
        Err(error) => {
            connection.close().await;
            Err(error)
        }
    }
}

fn settings() -> SettingEngine {
    SettingEngineBuilder::new()
        .with_multicast_dns_mode(MulticastDnsMode::Disabled)
        .with_include_loopback_candidate(true)
        .with_ice_timeouts(Some(SILENCE), Some(SILENCE), Some(CONSENT_INTERVAL))
        .with_ice_connection_attempts(Some(CHECK_INTERVAL), Some(CHECKS))
        .with_srtp_replay_protection_window(REPLAY_WINDOW)
        .with_srtp_protection_profiles(vec![
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
        ])
        .build()
}

impl Connection {
    async fn establish(
        &mut self,
        lines: Vec<Line>,
        on_answer: impl FnOnce(&Answer) -> Result<(), &'static str>,
    ) -> Result<(), ConnectError> {
        for line in lines {
            self.add(line).await.map_err(ConnectError::Local)?;
        }
        let offer = self.offer().await.map_err(ConnectError::Local)?;
        let session = self.messenger.offer(offer).await?;
        self.resource = session.resource;
        on_answer(&Answer::parse(&session.answer)).map_err(ConnectError::NoPath)?;
        let answer = RTCSessionDescription::answer(session.answer).map_err(ConnectError::Answer)?;
        self.inner
            .set_remote_description(answer)
            .await
            .map_err(ConnectError::Answer)?;
        let connected = self.states.wait_for(|state| match state {
            RTCPeerConnectionState::Connected => true,
            state => is_over(*state),
        });
        match timeout(&*self.runtime, ESTABLISH, connected).await {
            Ok(Ok(state)) if *state == RTCPeerConnectionState::Connected => Ok(()),
            Ok(_) => Err(ConnectError::NoPath("every candidate failed")),
            Err(_) => Err(ConnectError::NoPath("the other side does not answer")),
        }
    }

    async fn add(&self, line: Line) -> Result<(), webrtc::error::Error> {
        match line {
            Line::Send(track) => {
                let direction = Some(direction(RTCRtpTransceiverDirection::Sendonly));
                let track = Arc::new(TrackLocalStaticRTP::new(*track));
                self.inner
                    .add_transceiver_from_track(track, direction)
                    .await?;
            }
            Line::Receive(kind) => {
                let direction = Some(direction(RTCRtpTransceiverDirection::Recvonly));
                self.inner
                    .add_transceiver_from_kind(engine::kind(kind), direction)
                    .await?;
            }
        }
        Ok(())
    }

    /// The offer with all its candidates, so that one exchange is enough.
    async fn offer(&mut self) -> Result<String, webrtc::error::Error> {
        let offer = self.inner.create_offer(None).await?;
        self.inner.set_local_description(offer.clone()).await?;
        let complete = self
            .gathering
            .wait_for(|state| *state == RTCIceGatheringState::Complete);
        // Without `Complete` the candidates found so far have to do.
        let _ = timeout(&*self.runtime, GATHER, complete).await;
        Ok(self.inner.local_description().await.unwrap_or(offer).sdp)
    }

    /// Waits for the end of the connection and says why it ended.
    pub(crate) async fn ended(&mut self) -> &'static str {
        match self
            .states
            .wait_for(|state| is_over(*state))
            .await
            .as_deref()
        {
            Ok(RTCPeerConnectionState::Closed) => "the other side closed the connection",
            Ok(_) => "nothing was received for 2.5 s",
            Err(_) => "the connection's driver stopped",
        }
    }

    /// Ends the session on both sides. The other side may be gone, so this side does not wait for it longer than the
    /// messenger does.
    pub(crate) async fn close(self) {
        if let Some(resource) = self.resource {
            self.messenger.end(resource).await;
        }
        if let Err(error) = self.inner.close().await {
            tracing::debug!(%error, "closing the peer connection");
        }
    }
}

/// Whether nothing will come of a connection in this state any more. `Disconnected` may recover, but by then a fresh
/// connection is quicker.
fn is_over(state: RTCPeerConnectionState) -> bool {
    matches!(
        state,
        RTCPeerConnectionState::Disconnected
            | RTCPeerConnectionState::Failed
            | RTCPeerConnectionState::Closed
    )
}

fn direction(direction: RTCRtpTransceiverDirection) -> RTCRtpTransceiverInit {
    RTCRtpTransceiverInit {
        direction,
        ..RTCRtpTransceiverInit::default()
    }
}

struct Observer {
    gathering: watch::Sender<RTCIceGatheringState>,
    states: watch::Sender<RTCPeerConnectionState>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Observer {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        self.gathering.send_replace(state);
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.states.send_replace(state);
    }
}
