//! The SDP offer, in the shape a browser gives it.

use std::fmt::Write;
use std::net::SocketAddr;

use super::Kind;
use super::ice::Credentials;

/// The payload type offered for H.264.
pub const VIDEO_PAYLOAD_TYPE: u8 = 102;
/// The payload type offered for Opus.
pub const AUDIO_PAYLOAD_TYPE: u8 = 111;
/// The identifier offered for [`ABS_CAPTURE_TIME`].
pub const CAPTURE_TIME_ID: u8 = 3;
/// The header extension that carries when a packet left its source, as a 64-bit NTP timestamp.
pub const ABS_CAPTURE_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time";

const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
const MID_ID: u8 = 4;

/// Which way the media goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To the server: WHIP.
    Send,
    /// From the server: WHEP.
    Receive,
}

/// One `m=` line.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// Audio or video.
    pub kind: Kind,
    /// The SSRC that will be sent; ignored when receiving.
    pub ssrc: u32,
}

/// An offer to be written as SDP.
#[derive(Debug)]
pub struct Offer<'a> {
    /// Which way all sections go.
    pub direction: Direction,
    /// The `m=` lines, whose `mid`s are their indices.
    pub sections: &'a [Section],
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
        let (name, payload_type) = match section.kind {
            Kind::Video => ("video", VIDEO_PAYLOAD_TYPE),
            Kind::Audio => ("audio", AUDIO_PAYLOAD_TYPE),
        };
        let family = if self.candidate.is_ipv4() {
            "IP4 0.0.0.0"
        } else {
            "IP6 ::"
        };
        write!(
            sdp,
            "m={name} 9 UDP/TLS/RTP/SAVPF {payload_type}\r\nc=IN {family}\r\na=rtcp:9 IN {family}\r\n\
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
        match self.direction {
            Direction::Send => write!(sdp, "a=sendonly\r\na=msid:load load-{mid}\r\n")?,
            Direction::Receive => write!(sdp, "a=recvonly\r\n")?,
        }
        write!(sdp, "a=rtcp-mux\r\na=rtcp-rsize\r\n")?;
        match section.kind {
            Kind::Video => write!(
                sdp,
                "a=rtpmap:{payload_type} H264/90000\r\na=rtcp-fb:{payload_type} ccm fir\r\n\
                 a=rtcp-fb:{payload_type} nack\r\na=rtcp-fb:{payload_type} nack pli\r\n\
                 a=fmtp:{payload_type} level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n"
            )?,
            Kind::Audio => write!(
                sdp,
                "a=rtpmap:{payload_type} opus/48000/2\r\na=rtcp-fb:{payload_type} nack\r\n\
                 a=fmtp:{payload_type} minptime=10;useinbandfec=1\r\n"
            )?,
        }
        if self.direction == Direction::Send {
            write!(
                sdp,
                "a=ssrc:{ssrc} cname:load\r\na=ssrc:{ssrc} msid:load load-{mid}\r\n",
                ssrc = section.ssrc
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use rtc_sdp::description::session::SessionDescription;

    use super::*;

    #[test]
    fn is_valid_sdp_with_one_section_per_track() {
        let credentials = Credentials::random();
        let sections = [
            Section {
                kind: Kind::Video,
                ssrc: 7,
            },
            Section {
                kind: Kind::Audio,
                ssrc: 8,
            },
        ];
        let offer = Offer {
            direction: Direction::Send,
            sections: &sections,
            credentials: &credentials,
            fingerprint: "AA:BB",
            candidate: "[::1]:5000".parse().unwrap(),
        };
        let parsed =
            SessionDescription::unmarshal(&mut Cursor::new(offer.to_sdp().as_bytes())).unwrap();
        assert_eq!(parsed.attribute("group").unwrap(), "BUNDLE 0 1");
        let video = &parsed.media_descriptions[0];
        assert_eq!(video.codecs()[&VIDEO_PAYLOAD_TYPE].name, "H264");
        assert_eq!(
            video.attribute("ice-pwd"),
            Some(Some(credentials.pwd.as_str()))
        );
        assert!(video.has_attribute("sendonly"));
        let audio = &parsed.media_descriptions[1];
        assert_eq!(audio.codecs()[&AUDIO_PAYLOAD_TYPE].name, "opus");
        assert_eq!(audio.attribute("mid"), Some(Some("1")));
    }
}
