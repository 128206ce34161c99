//! The SDP offer, in the shape a browser gives it.

use std::fmt::Write;
use std::net::SocketAddr;

use super::Kind;
use super::ice::Credentials;

/// The payload type offered for H.264.
pub const VIDEO_PAYLOAD_TYPE: u8 = 102;
/// The payload type offered for H.264 that is sent again on an SSRC of its own (RFC 4588).
pub const RTX_PAYLOAD_TYPE: u8 = 103;
/// The payload type offered for Opus.
pub const AUDIO_PAYLOAD_TYPE: u8 = 111;
/// The identifier offered for [`ABS_CAPTURE_TIME`].
pub const CAPTURE_TIME_ID: u8 = 3;
/// The header extension that carries when a packet left its source, as a 64-bit NTP timestamp.
pub const ABS_CAPTURE_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time";

/// The header extension that numbers all packets of a transport.
pub const TRANSPORT_WIDE: &str =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
/// The identifier offered for a packet's section.
pub const MID_ID: u8 = 4;
/// The identifier offered for a packet's layer.
pub const RID_ID: u8 = 5;

const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
const RID: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
const TRANSPORT_WIDE_ID: u8 = 6;

/// Which way the media goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To the server: WHIP.
    Send,
    /// From the server: WHEP.
    Receive,
}

/// What a receiver offers beyond the least: NACK on the SSRC it concerns, and receiver reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Abilities {
    /// Repairs of video on SSRCs of their own (RFC 4588).
    pub rtx: bool,
    /// Transport-wide feedback, of video and audio.
    pub feedback: bool,
}

impl Abilities {
    /// What browsers offer.
    pub const ALL: Self = Self {
        rtx: true,
        feedback: true,
    };
}

/// One `m=` line.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// Audio or video.
    pub kind: Kind,
    /// What will be sent; ignored when receiving.
    pub sending: Sending,
}

/// How a receiver can tell what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// By this SSRC.
    Ssrc(u32),
    /// By these layers' identifiers, the best first (RFC 8853).
    Layers(&'static [&'static str]),
}

impl Section {
    /// A section to receive with.
    pub fn receiving(kind: Kind) -> Self {
        Self {
            kind,
            sending: Sending::Ssrc(0),
        }
    }
}

/// An offer to be written as SDP.
#[derive(Debug)]
pub struct Offer<'a> {
    /// Which way all sections go.
    pub direction: Direction,
    /// The `m=` lines, whose `mid`s are their indices.
    pub sections: &'a [Section],
    /// What a receiver offers; ignored when sending.
    pub abilities: Abilities,
    /// The client's ICE credentials.
    pub credentials: &'a Credentials,
    /// The SHA-256 fingerprint of the client's certificate, as `AA:BB:…`.
    pub fingerprint: &'a str,
    /// The only host candidate.
    pub candidate: SocketAddr,
}

impl Offer<'_> {
    /// The offer as SDP text.
    pub fn to_sdp(&self) -> String {
        let mut sdp = String::with_capacity(2048);
        self.write(&mut sdp)
            .expect("writing to a string cannot fail");
        sdp
    }

    fn write(&self, sdp: &mut String) -> std::fmt::Result {
        let bundle: Vec<String> = (0..self.sections.len())
            .map(|mid| mid.to_string())
            .collect();
        write!(
            sdp,
            "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
             a=group:BUNDLE {}\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS load\r\n",
            bundle.join(" ")
        )?;
        for (mid, section) in self.sections.iter().enumerate() {
            self.write_section(sdp, mid, *section)?;
        }
        Ok(())
    }

    fn write_section(&self, sdp: &mut String, mid: usize, section: Section) -> std::fmt::Result {
        let abilities = match self.direction {
            Direction::Send => Abilities::default(),
            Direction::Receive => self.abilities,
        };
        let formats = match section.kind {
            Kind::Video if abilities.rtx => {
                format!("video 9 UDP/TLS/RTP/SAVPF {VIDEO_PAYLOAD_TYPE} {RTX_PAYLOAD_TYPE}")
            }
            Kind::Video => format!("video 9 UDP/TLS/RTP/SAVPF {VIDEO_PAYLOAD_TYPE}"),
            Kind::Audio => format!("audio 9 UDP/TLS/RTP/SAVPF {AUDIO_PAYLOAD_TYPE}"),
        };
        let family = if self.candidate.is_ipv4() {
            "IP4 0.0.0.0"
        } else {
            "IP6 ::"
        };
        write!(
            sdp,
            "m={formats}\r\nc=IN {family}\r\na=rtcp:9 IN {family}\r\n\
             a=candidate:1 1 udp 2130706431 {} {} typ host generation 0\r\na=end-of-candidates\r\n\
             a=ice-ufrag:{}\r\na=ice-pwd:{}\r\na=ice-options:trickle\r\n\
             a=fingerprint:sha-256 {}\r\na=setup:actpass\r\na=mid:{mid}\r\n\
             a=extmap:{CAPTURE_TIME_ID} {ABS_CAPTURE_TIME}\r\na=extmap:{MID_ID} {MID}\r\n",
            self.candidate.ip(),
            self.candidate.port(),
            self.credentials.ufrag,
            self.credentials.pwd,
            self.fingerprint,
        )?;
        if abilities.feedback {
            write!(sdp, "a=extmap:{TRANSPORT_WIDE_ID} {TRANSPORT_WIDE}\r\n")?;
        }
        match self.direction {
            Direction::Send => write!(sdp, "a=sendonly\r\na=msid:load load-{mid}\r\n")?,
            Direction::Receive => write!(sdp, "a=recvonly\r\n")?,
        }
        write!(sdp, "a=rtcp-mux\r\na=rtcp-rsize\r\n")?;
        write_codecs(sdp, section.kind, abilities)?;
        if self.direction == Direction::Send {
            write_sending(sdp, mid, section.sending)?;
        }
        Ok(())
    }
}

fn write_codecs(sdp: &mut String, kind: Kind, abilities: Abilities) -> std::fmt::Result {
    let number = match kind {
        Kind::Video => {
            write!(
                sdp,
                "a=rtpmap:{VIDEO_PAYLOAD_TYPE} H264/90000\r\na=rtcp-fb:{VIDEO_PAYLOAD_TYPE} ccm fir\r\n\
                 a=rtcp-fb:{VIDEO_PAYLOAD_TYPE} nack\r\na=rtcp-fb:{VIDEO_PAYLOAD_TYPE} nack pli\r\n\
                 a=fmtp:{VIDEO_PAYLOAD_TYPE} level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n"
            )?;
            VIDEO_PAYLOAD_TYPE
        }
        Kind::Audio => {
            write!(
                sdp,
                "a=rtpmap:{AUDIO_PAYLOAD_TYPE} opus/48000/2\r\na=rtcp-fb:{AUDIO_PAYLOAD_TYPE} nack\r\n\
                 a=fmtp:{AUDIO_PAYLOAD_TYPE} minptime=10;useinbandfec=1\r\n"
            )?;
            AUDIO_PAYLOAD_TYPE
        }
    };
    if abilities.feedback {
        write!(sdp, "a=rtcp-fb:{number} transport-cc\r\n")?;
    }
    if abilities.rtx && kind == Kind::Video {
        write!(
            sdp,
            "a=rtpmap:{RTX_PAYLOAD_TYPE} rtx/90000\r\na=fmtp:{RTX_PAYLOAD_TYPE} apt={number}\r\n"
        )?;
    }
    Ok(())
}

fn write_sending(sdp: &mut String, mid: usize, sending: Sending) -> std::fmt::Result {
    match sending {
        Sending::Ssrc(ssrc) => write!(
            sdp,
            "a=ssrc:{ssrc} cname:load\r\na=ssrc:{ssrc} msid:load load-{mid}\r\n"
        ),
        Sending::Layers(rids) => {
            write!(sdp, "a=extmap:{RID_ID} {RID}\r\n")?;
            for rid in rids {
                write!(sdp, "a=rid:{rid} send\r\n")?;
            }
            write!(sdp, "a=simulcast:send {}\r\n", rids.join(";"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use rtc_sdp::description::session::SessionDescription;

    use super::*;

    fn parsed(
        direction: Direction,
        sections: &[Section],
        credentials: &Credentials,
    ) -> SessionDescription {
        let offer = Offer {
            direction,
            sections,
            abilities: Abilities::ALL,
            credentials,
            fingerprint: "AA:BB",
            candidate: "[::1]:5000".parse().unwrap(),
        };
        SessionDescription::unmarshal(&mut Cursor::new(offer.to_sdp().as_bytes())).unwrap()
    }

    #[test]
    fn is_valid_sdp_with_one_section_per_track() {
        let credentials = Credentials::random();
        let section = |kind, sending| Section { kind, sending };
        let sections = [
            section(Kind::Video, Sending::Layers(&["h", "l"])),
            section(Kind::Audio, Sending::Ssrc(8)),
        ];
        let offer = parsed(Direction::Send, &sections, &credentials);
        assert_eq!(offer.attribute("group").unwrap(), "BUNDLE 0 1");
        let video = &offer.media_descriptions[0];
        assert_eq!(video.codecs()[&VIDEO_PAYLOAD_TYPE].name, "H264");
        assert_eq!(
            video.attribute("ice-pwd"),
            Some(Some(credentials.pwd.as_str()))
        );
        assert!(video.has_attribute("sendonly"));
        assert_eq!(video.attribute("simulcast"), Some(Some("send h;l")));
        assert!(!video.has_attribute("ssrc"));
        let audio = &offer.media_descriptions[1];
        assert_eq!(audio.codecs()[&AUDIO_PAYLOAD_TYPE].name, "opus");
        assert_eq!(audio.attribute("mid"), Some(Some("1")));
        assert_eq!(audio.attribute("ssrc"), Some(Some("8 cname:load")));
    }

    #[test]
    fn a_receiver_offers_what_it_is_able_to() {
        let sections = [Kind::Video, Kind::Audio].map(Section::receiving);
        let offer = parsed(Direction::Receive, &sections, &Credentials::random());
        for section in &offer.media_descriptions {
            let has = |wanted: &str| {
                let values = section
                    .attributes
                    .iter()
                    .filter_map(|it| it.value.as_deref());
                values.into_iter().any(|value| value.contains(wanted))
            };
            assert!(has("transport-cc") && has(TRANSPORT_WIDE));
            assert_eq!(has("apt=102"), section.media_name.media == "video");
        }
    }
}
