//! What an SDP answer says about each m-line (RFC 8866). The WebRTC library reads the answer too; this takes what it
//! keeps to itself: payload types, header extension ids, msid, declared sources.

use crate::wire;
use crate::{Codec, Kind};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) kind: Kind,
    pub(crate) mid: String,
    /// Port 0 or inactive: the other side does not want it.
    pub(crate) rejected: bool,
    /// Payload types in the other side's order of preference.
    pub(crate) formats: Vec<(u8, Codec)>,
    pub(crate) abs_capture_time: Option<u8>,
    pub(crate) mid_extension: Option<u8>,
    pub(crate) rid_extension: Option<u8>,
    pub(crate) transport_cc: Option<u8>,
    /// Simulcast layers that the other side takes, without those that it wants paused.
    pub(crate) rids: Vec<String>,
    /// The stream id of `a=msid` (RFC 8830).
    pub(crate) msid: Option<String>,
    pub(crate) ssrcs: Vec<u32>,
}

impl Line {
    pub(crate) fn codec(&self, payload_type: u8) -> Option<Codec> {
        self.formats
            .iter()
            .find(|(number, _)| *number == payload_type)
            .map(|(_, codec)| *codec)
    }

    fn new(kind: Kind, port: &str) -> Self {
        Self {
            kind,
            mid: String::new(),
            rejected: port == "0",
            formats: Vec::new(),
            abs_capture_time: None,
            mid_extension: None,
            rid_extension: None,
            transport_cc: None,
            rids: Vec::new(),
            msid: None,
            ssrcs: Vec::new(),
        }
    }

    fn attribute(&mut self, name: &str, value: &str) {
        match name {
            "mid" => self.mid = value.to_owned(),
            "inactive" => self.rejected = true,
            "rtpmap" => self.formats.extend(rtpmap(self.kind, value)),
            "msid" => {
                let id = value
                    .split(' ')
                    .next()
                    .filter(|id| !id.is_empty() && *id != "-");
                self.msid = id.map(str::to_owned);
            }
            "ssrc" => {
                let ssrc = value.split(' ').next().and_then(|ssrc| ssrc.parse().ok());
                self.ssrcs
                    .extend(ssrc.filter(|ssrc| !self.ssrcs.contains(ssrc)));
            }
            "simulcast" => self.rids = received_layers(value),
            "extmap" => {
                // `a=extmap:3/sendonly urn:…` (RFC 8285 §8)
                let mut words = value.split(' ');
                let id = words
                    .next()
                    .and_then(|id| id.split('/').next()?.parse().ok());
                match words.next() {
                    Some(wire::ABS_CAPTURE_TIME) => self.abs_capture_time = id,
                    Some(wire::MID) => self.mid_extension = id,
                    Some(wire::RID) => self.rid_extension = id,
                    Some(wire::TRANSPORT_CC) => self.transport_cc = id,
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

fn rtpmap(kind: Kind, value: &str) -> Option<(u8, Codec)> {
    let (number, encoding) = value.split_once(' ')?;
    let name = encoding.split('/').next()?;
    let major = match kind {
        Kind::Audio => "audio",
        Kind::Video => "video",
    };
    Some((
        number.parse().ok()?,
        Codec::from_mime(&format!("{major}/{name}"))?,
    ))
}

/// `recv h;m,n;~l` (RFC 8853 §5.1): layers are separated by `;`, the alternatives of one by `,`, and `~` marks a paused one.
fn received_layers(value: &str) -> Vec<String> {
    let mut words = value.split(' ').skip_while(|word| *word != "recv");
    let layers = words.nth(1).unwrap_or_default().split(';');
    layers
        .filter_map(|layer| layer.split(',').next())
        .filter(|rid| !rid.is_empty() && !rid.starts_with('~'))
        .map(str::to_owned)
        .collect()
}

impl Answer {
    pub(crate) fn parse(sdp: &str) -> Self {
        let mut answer = Self::default();
        // An m-line that is neither audio nor video ends the one before it.
        let mut open = false;
        for text in sdp.lines() {
            if let Some(media) = text.strip_prefix("m=") {
                let mut words = media.split(' ');
                let kind = match words.next() {
                    Some("audio") => Some(Kind::Audio),
                    Some("video") => Some(Kind::Video),
                    _ => None,
                };
                open = kind.is_some();
                answer
                    .lines
                    .extend(kind.map(|kind| Line::new(kind, words.next().unwrap_or("0"))));
            } else if open
                && let Some(attribute) = text.strip_prefix("a=")
                && let Some(line) = answer.lines.last_mut()
            {
                let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
                line.attribute(name, value.trim());
            }
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_needed_of_each_line() {
        let answer = Answer::parse(
            "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-lite\r\na=extmap-allow-mixed\r\n\
             m=video 9 UDP/TLS/RTP/SAVPF 102 103\r\na=mid:0\r\na=rtpmap:102 H264/90000\r\na=rtpmap:103 rtx/90000\r\n\
             a=extmap:3/sendonly http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time\r\n\
             a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=msid:camera v0\r\n\
             a=ssrc:77 cname:x\r\na=ssrc:77 msid:camera v0\r\na=sendonly\r\n\
             m=audio 0 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\na=rtpmap:111 opus/48000/2\r\na=msid:- a0\r\n\
             m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\n",
        );
        let [video, audio] = answer.lines.as_slice() else {
            panic!("{answer:?}")
        };
        assert_eq!(
            (video.kind, video.mid.as_str(), video.rejected),
            (Kind::Video, "0", false)
        );
        assert_eq!(video.formats, [(102, Codec::H264)]);
        assert_eq!(
            (video.abs_capture_time, video.mid_extension),
            (Some(3), Some(4))
        );
        assert_eq!(
            (video.msid.as_deref(), video.ssrcs.as_slice()),
            (Some("camera"), &[77][..])
        );
        assert_eq!(
            (audio.kind, audio.mid.as_str(), audio.rejected),
            (Kind::Audio, "1", true)
        );
        assert_eq!(audio.msid, None);
    }

    #[test]
    fn layers_that_are_paused_or_not_named_are_not_taken() {
        let rids = |simulcast| {
            let answer = Answer::parse(&format!("m=video 9 x 96\r\na=simulcast:{simulcast}\r\n"));
            answer.lines[0].rids.clone()
        };
        assert_eq!(rids("recv h;~m;l,k"), ["h", "l"]);
        assert_eq!(rids("send a;b recv h"), ["h"]);
        for empty in ["", "recv", "send h;m", "recv ;;"] {
            assert!(rids(empty).is_empty(), "{empty}");
        }
    }

    #[test]
    fn nonsense_is_an_answer_without_lines() {
        for text in [
            "",
            "m=",
            "a=mid:0",
            "m=image 9",
            "\0\0",
            "m=video\r\na=ssrc:\r\na=rtpmap:x",
        ] {
            assert!(
                Answer::parse(text)
                    .lines
                    .iter()
                    .all(|line| line.formats.is_empty()),
                "{text:?}"
            );
        }
    }
}
