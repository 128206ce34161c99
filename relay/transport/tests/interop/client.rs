//! An unmodified `rtc` peer connection as the client.

use std::net::SocketAddr;
use std::time::Instant;

use relay_transport::{Credentials, Fingerprint};
use rtc::dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::interceptor_registry::register_default_interceptors;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_H264, MediaEngine};
use rtc::peer_connection::configuration::setting_engine::SettingEngineBuilder;
use rtc::peer_connection::configuration::{RTCOfferOptions, interceptor_registry::Registry};
use rtc::peer_connection::event::RTCPeerConnectionEvent;
use rtc::peer_connection::message::RTCMessage;
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::peer_connection::state::RTCPeerConnectionState;
use rtc::peer_connection::transport::{CandidateConfig, CandidateHostConfig, RTCIceCandidate};
use rtc::peer_connection::{RTCPeerConnection, RTCPeerConnectionBuilder};
use rtc::rtp_transceiver::RTCRtpSenderId;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters,
    RtpCodecKind,
};
use rtc::sansio::Protocol;
use rtc::shared::{TaggedBytesMut, TransportContext, TransportProtocol};

use SrtpProtectionProfile::{
    Srtp_Aead_Aes_128_Gcm, Srtp_Aead_Aes_256_Gcm, Srtp_Aes128_Cm_Hmac_Sha1_80,
};

/// Chromium's order.
pub const CHROMIUM: &[SrtpProtectionProfile] = &[
    Srtp_Aes128_Cm_Hmac_Sha1_80,
    Srtp_Aead_Aes_256_Gcm,
    Srtp_Aead_Aes_128_Gcm,
];
pub const WITHOUT_GCM: &[SrtpProtectionProfile] = &[Srtp_Aes128_Cm_Hmac_Sha1_80];
pub const UNSUPPORTED: &[SrtpProtectionProfile] = &[Srtp_Aead_Aes_256_Gcm];

/// SSRC of what the client sends.
pub const CLIENT_SSRC: u32 = 7777;
/// SSRC of what the relay sends.
pub const RELAY_SSRC: u32 = 4096;
pub const PAYLOAD_TYPE: u8 = 102;

pub struct Client {
    pub connection: RTCPeerConnection,
    /// What it believes its address to be.
    pub address: SocketAddr,
    relay: SocketAddr,
    sender: RTCRtpSenderId,
    sequence: u16,
    state: RTCPeerConnectionState,
    /// Sequence numbers of the RTP packets received.
    pub rtp: Vec<u16>,
}

impl Client {
    pub fn new(now: Instant, profiles: &[SrtpProtectionProfile], relay: SocketAddr) -> Self {
        let codec = RTCRtpCodecParameters {
            rtp_codec: RTCRtpCodec {
                mime_type: MIME_TYPE_H264.to_owned(),
                clock_rate: 90_000,
                sdp_fmtp_line: "packetization-mode=1;profile-level-id=42e01f".to_owned(),
                ..Default::default()
            },
            payload_type: PAYLOAD_TYPE,
        };
        let mut media = MediaEngine::default();
        media
            .register_codec(codec.clone(), RtpCodecKind::Video)
            .unwrap();
        let registry = register_default_interceptors(Registry::new(), &mut media).unwrap();
        let settings = SettingEngineBuilder::new()
            .with_srtp_protection_profiles(profiles.to_vec())
            .build();
        let mut connection = RTCPeerConnectionBuilder::new()
            .with_media_engine(media)
            .with_interceptor_registry(registry)
            .with_setting_engine(settings)
            .build(now)
            .unwrap();
        let encoding = RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters {
                ssrc: Some(CLIENT_SSRC),
                ..Default::default()
            },
            codec: codec.rtp_codec,
            ..Default::default()
        };
        let name = "camera".to_owned();
        let track = MediaStreamTrack::new(
            name.clone(),
            name.clone(),
            name,
            RtpCodecKind::Video,
            vec![encoding],
        );
        let sender = connection.add_track(track).unwrap();
        let address: SocketAddr = "10.0.0.9:5000".parse().unwrap();
        let candidate = CandidateHostConfig {
            base_config: CandidateConfig {
                network: "udp".to_owned(),
                address: address.ip().to_string(),
                port: address.port(),
                component: 1,
                ..Default::default()
            },
            ..Default::default()
        };
        let candidate = RTCIceCandidate::from(&candidate.new_candidate_host().unwrap());
        connection
            .add_local_candidate(candidate.to_json().unwrap())
            .unwrap();
        Self {
            connection,
            address,
            relay,
            sender,
            sequence: 65_500,
            state: RTCPeerConnectionState::New,
            rtp: Vec::new(),
        }
    }

    /// Makes an offer, and returns the fingerprint it announces.
    pub fn offer(&mut self, now: Instant, restart: bool) -> Fingerprint {
        let options = restart.then_some(RTCOfferOptions { ice_restart: true });
        let offer = self.connection.create_offer(options).unwrap();
        self.connection.set_local_description(now, offer).unwrap();
        let offer = self.connection.local_description().unwrap().sdp;
        let line = offer
            .lines()
            .find_map(|line| line.strip_prefix("a=fingerprint:"))
            .unwrap();
        line.parse().unwrap()
    }

    pub fn accept(&mut self, now: Instant, local: &Credentials, fingerprint: &Fingerprint) {
        let (relay, pt) = (self.relay, PAYLOAD_TYPE);
        let lines = [
            "v=0",
            "o=- 1 1 IN IP4 127.0.0.1",
            "s=-",
            "t=0 0",
            "a=ice-lite",
            "a=group:BUNDLE 0",
            "a=msid-semantic:WMS *",
            &format!("m=video 9 UDP/TLS/RTP/SAVPF {pt}"),
            "c=IN IP4 0.0.0.0",
            "a=mid:0",
            "a=sendrecv",
            "a=rtcp-mux",
            "a=setup:passive",
            &format!("a=ice-ufrag:{}", local.ufrag),
            &format!("a=ice-pwd:{}", local.pwd),
            &format!("a=fingerprint:{fingerprint}"),
            &format!("a=rtpmap:{pt} H264/90000"),
            &format!("a=fmtp:{pt} packetization-mode=1;profile-level-id=42e01f"),
            &format!("a=rtcp-fb:{pt} nack"),
            &format!("a=ssrc:{RELAY_SSRC} cname:relay"),
            &format!("a=ssrc:{RELAY_SSRC} msid:slot slot"),
            &format!(
                "a=candidate:1 1 udp 2130706431 {} {} typ host",
                relay.ip(),
                relay.port()
            ),
            "a=end-of-candidates",
            "",
        ];
        let answer = RTCSessionDescription::answer(lines.join("\r\n")).unwrap();
        self.connection.set_remote_description(now, answer).unwrap();
    }

    pub fn is_connected(&self) -> bool {
        self.state == RTCPeerConnectionState::Connected
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        if self.connection.poll_timeout().is_some_and(|at| at <= now) {
            // A handshake that timed out is an error here.
            let _ = self.connection.handle_timeout(now);
        }
        self.drain();
    }

    /// Sends the next RTP packet.
    pub fn send_rtp(&mut self, now: Instant) {
        let packet = rtc::rtp::Packet {
            header: rtc::rtp::header::Header {
                version: 2,
                payload_type: PAYLOAD_TYPE,
                sequence_number: self.sequence,
                ssrc: CLIENT_SSRC,
                ..Default::default()
            },
            payload: self.sequence.to_be_bytes().repeat(300).into(),
        };
        let mut sender = self.connection.rtp_sender(self.sender).unwrap();
        if sender.write_rtp(now, packet).is_ok() {
            self.sequence = self.sequence.wrapping_add(1);
        }
    }

    pub fn poll_datagram(&mut self) -> Option<Vec<u8>> {
        self.connection
            .poll_write()
            .map(|write| write.message.to_vec())
    }

    pub fn receive(&mut self, now: Instant, datagram: &[u8]) {
        let transport = TransportContext {
            local_addr: self.address,
            peer_addr: self.relay,
            ecn: None,
            transport_protocol: TransportProtocol::UDP,
        };
        let message = TaggedBytesMut {
            now,
            transport,
            message: datagram.into(),
        };
        // A failed handshake is an error here; what came of it is asserted in the tests.
        let _ = self.connection.handle_read(message);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(event) = self.connection.poll_event() {
            if let RTCPeerConnectionEvent::OnConnectionStateChangeEvent(state) = event {
                self.state = state;
            }
        }
        while let Some(read) = self.connection.poll_read() {
            if let RTCMessage::RtpPacket(_, packet) = read.message {
                self.rtp.push(packet.header.sequence_number);
            }
        }
    }
}
