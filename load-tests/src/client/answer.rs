//! What the client needs of the server's SDP answer.

use std::io::Cursor;
use std::net::SocketAddr;

use rtc_sdp::description::media::MediaDescription;
use rtc_sdp::description::session::SessionDescription;

use super::Kind;
use super::ice::Credentials;
use super::offer::{ABS_CAPTURE_TIME, TRANSPORT_WIDE};

/// Which DTLS role the server took (RFC 5763 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// The server connects; we are the DTLS server.
    Active,
    /// The server waits; we are the DTLS client.
    Passive,
}

/// The answer, reduced to what a single bundled transport needs.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The server's ICE credentials.
    pub credentials: Credentials,
    /// Its UDP candidates.
    pub candidates: Vec<SocketAddr>,
    /// The SHA-256 fingerprint of its certificate, in lower case.
    pub fingerprint: String,
    /// Its DTLS role.
    pub setup: Setup,
    /// The sections it accepted.
    pub accepted: Vec<Accepted>,
    /// The identifier negotiated for abs-capture-time, if any.
    pub capture_time_id: Option<u8>,
    /// The identifier negotiated for transport-wide numbers, if any.
    pub transport_wide_id: Option<u8>,
}

/// A section that the server accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Audio or video.
    pub kind: Kind,
    /// The payload type chosen.
    pub payload_type: u8,
    /// The payload type of its repairs (RFC 4588), if they have one.
    pub rtx: Option<u8>,
    /// What the server sends with: its SSRC and that of repairs, as far as it says so.
    pub ssrcs: (Option<u32>, Option<u32>),
    /// The first word of its `a=msid`, which the relay makes the slot's name.
    pub name: Option<String>,
}

/// Why an answer cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// It is no SDP.
    #[error("the answer is not valid sdp: {0}")]
    Syntax(String),
    /// A needed attribute is absent.
    #[error("the answer has no {0}")]
    Missing(&'static str),
    /// Every section was rejected.
    #[error("the answer accepts none of the offered media")]
    Rejected,
}

impl Answer {
    /// Reads an answer.
    pub fn parse(sdp: &str) -> Result<Self, AnswerError> {
        let session = SessionDescription::unmarshal(&mut Cursor::new(sdp.as_bytes()))
            .map_err(|error| AnswerError::Syntax(error.to_string()))?;
        let sections: Vec<&MediaDescription> = session
            .media_descriptions
            .iter()
            .filter(|section| {
                section.media_name.port.value != 0 && !section.has_attribute("inactive")
            })
            .collect();
        // With BUNDLE the transport attributes of the first accepted section hold for all (RFC 8843 §7.3).
        let first = *sections.first().ok_or(AnswerError::Rejected)?;
        let find = |key: &'static str| {
            first
                .attribute(key)
                .flatten()
                .or_else(|| session.attribute(key).map(String::as_str))
                .ok_or(AnswerError::Missing(key))
        };
        let fingerprint = find("fingerprint")?
            .strip_prefix("sha-256 ")
            .ok_or(AnswerError::Missing("sha-256 fingerprint"))?
            .to_ascii_lowercase();
        Ok(Self {
            credentials: Credentials {
                ufrag: find("ice-ufrag")?.to_owned(),
                pwd: find("ice-pwd")?.to_owned(),
            },
            candidates: candidates(&session),
            fingerprint,
            setup: match find("setup")? {
                "active" => Setup::Active,
                _ => Setup::Passive,
            },
            accepted: sections
                .iter()
                .filter_map(|section| accepted(section))
                .collect(),
            capture_time_id: extension(first, ABS_CAPTURE_TIME),
            transport_wide_id: extension(first, TRANSPORT_WIDE),
        })
    }

    /// The payload type of the first accepted section of a kind.
    pub fn payload_type(&self, kind: Kind) -> Option<u8> {
        self.accepted
            .iter()
            .find(|accepted| accepted.kind == kind)
            .map(|accepted| accepted.payload_type)
    }
}

fn accepted(section: &MediaDescription) -> Option<Accepted> {
    let kind = match section.media_name.media.as_str() {
        "video" => Kind::Video,
        "audio" => Kind::Audio,
        _ => return None,
    };
    let payload_type: u8 = section.media_name.formats.first()?.parse().ok()?;
    let apt = format!("apt={payload_type}");
    let rtx = values(section, "fmtp").find_map(|value| {
        let (number, parameters) = value.split_once(' ')?;
        (parameters == apt).then(|| number.parse().ok()).flatten()
    });
    let number = |word: Option<&str>| word?.parse().ok();
    let group = values(section, "ssrc-group").find_map(|value| value.strip_prefix("FID "));
    let mut group = group.unwrap_or_default().split_ascii_whitespace();
    let (media, repair) = (number(group.next()), number(group.next()));
    let first = values(section, "ssrc").next();
    Some(Accepted {
        kind,
        payload_type,
        rtx,
        ssrcs: (media.or_else(|| number(first?.split(' ').next())), repair),
        name: values(section, "msid").find_map(|value| value.split(' ').next().map(str::to_owned)),
    })
}

fn extension(section: &MediaDescription, wanted: &str) -> Option<u8> {
    values(section, "extmap")
        .filter_map(|value| value.split_once(' '))
        .find(|(_, uri)| uri.split(' ').next() == Some(wanted))
        .and_then(|(id, _)| id.split('/').next()?.parse().ok())
}

fn values<'a>(section: &'a MediaDescription, key: &'static str) -> impl Iterator<Item = &'a str> {
    section
        .attributes
        .iter()
        .filter(move |attribute| attribute.key == key)
        .filter_map(|attribute| attribute.value.as_deref())
}

/// `candidate:<foundation> <component> <transport> <priority> <address> <port> typ …` (RFC 8839 §5.1).
fn candidates(session: &SessionDescription) -> Vec<SocketAddr> {
    let mut found = Vec::new();
    let media = session
        .media_descriptions
        .iter()
        .flat_map(|section| &section.attributes);
    for attribute in session.attributes.iter().chain(media) {
        let ("candidate", Some(value)) = (attribute.key.as_str(), &attribute.value) else {
            continue;
        };
        let fields: Vec<&str> = value.split_ascii_whitespace().collect();
        let [_, component, transport, _, address, port, ..] = fields[..] else {
            continue;
        };
        if component != "1" || !transport.eq_ignore_ascii_case("udp") {
            continue;
        }
        if let (Ok(ip), Ok(port)) = (address.parse(), port.parse()) {
            let candidate = SocketAddr::new(ip, port);
            if !found.contains(&candidate) {
                found.push(candidate);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-lite\r\na=fingerprint:sha-256 AB:CD\r\n\
        a=group:BUNDLE 1\r\nm=audio 0 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=inactive\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=setup:passive\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\n\
        a=extmap:5 http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time\r\na=sendonly\r\n\
        a=fmtp:97 apt=96\r\na=msid:camera camera-video\r\na=ssrc-group:FID 11 12\r\na=ssrc:11 cname:camera\r\n\
        a=candidate:1 1 UDP 2130706431 192.0.2.1 4000 typ host\r\na=candidate:1 2 udp 1 192.0.2.1 4001 typ host\r\n\
        a=candidate:2 1 tcp 1 192.0.2.1 9 typ host tcptype active\r\n";

    #[test]
    fn takes_the_first_accepted_section() {
        let answer = Answer::parse(ANSWER).unwrap();
        let video = Accepted {
            kind: Kind::Video,
            payload_type: 96,
            rtx: Some(97),
            ssrcs: (Some(11), Some(12)),
            name: Some("camera".to_owned()),
        };
        assert_eq!(answer.accepted, [video]);
        assert_eq!(answer.transport_wide_id, None);
        assert_eq!(answer.payload_type(Kind::Audio), None);
        assert_eq!(answer.fingerprint, "ab:cd");
        assert_eq!(answer.setup, Setup::Passive);
        assert_eq!(answer.capture_time_id, Some(5));
        let only: SocketAddr = "192.0.2.1:4000".parse().unwrap();
        assert_eq!(answer.candidates, [only]);
    }

    #[test]
    fn names_what_is_missing() {
        let error = Answer::parse(&ANSWER.replace("a=ice-pwd:p\r\n", "")).unwrap_err();
        assert_eq!(error.to_string(), "the answer has no ice-pwd");
        assert!(matches!(
            Answer::parse("nonsense"),
            Err(AnswerError::Syntax(_))
        ));
    }
}
