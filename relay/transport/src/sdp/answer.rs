//! Writes answers.

use std::fmt::{self, Write};

use super::candidate::{self, Candidate};
use super::{CodecBinding, Local, extension::Mapping, media::Section};
use crate::Path;

/// The answer to one m-line.
#[derive(Debug)]
pub(super) enum Line<'a> {
    /// Port 0: nothing here can be used.
    Rejected(Section<'a>),
    /// On the shared transport.
    Accepted(Accepted<'a>),
}

/// An m-line that stays.
#[derive(Debug)]
pub(super) struct Accepted<'a> {
    pub section: Section<'a>,
    pub mid: &'a str,
    pub codecs: Vec<CodecBinding>,
    pub mappings: Vec<Mapping>,
    pub allow_mixed: bool,
    pub purpose: Purpose,
}

/// What an m-line that stays is used for.
#[derive(Debug)]
pub(super) enum Purpose {
    /// For nothing, until it is offered in another direction.
    Inactive,
    /// The client sends, in these simulcast layers if there are any.
    Receive {
        rids: Vec<String>,
        start_bitrate_kbps: Option<u32>,
    },
    /// The relay sends.
    Send {
        ssrc: u32,
        rtx_ssrc: Option<u32>,
        name: String,
        track: String,
    },
}

/// The text of the answer.
pub(super) fn write(local: &Local<'_>, lines: &[Line<'_>]) -> String {
    let mut text = Text(String::with_capacity(4096));
    text.line(format_args!("v=0"));
    text.line(format_args!("o=- {} 1 IN IP4 127.0.0.1", local.session_id));
    text.line(format_args!("s=-"));
    text.line(format_args!("t=0 0"));
    text.line(format_args!("a=ice-lite"));
    let mids: Vec<&str> = lines.iter().filter_map(Line::mid).collect();
    text.line(format_args!("a=group:BUNDLE {}", mids.join(" ")));
    text.line(format_args!("a=msid-semantic: WMS *"));
    for line in lines {
        match line {
            Line::Rejected(section) => text.rejected(section),
            // Candidates belong to the transport, which is the first m-line's of the group (RFC
            // 9143 §7.3.1).
            Line::Accepted(accepted) => {
                text.accepted(local, accepted, mids.first() == Some(&accepted.mid))
            }
        }
    }
    text.0
}

impl<'a> Line<'a> {
    fn mid(&self) -> Option<&'a str> {
        match self {
            Self::Rejected(_) => None,
            Self::Accepted(accepted) => Some(accepted.mid),
        }
    }
}

/// The answer so far.
pub(super) struct Text(pub String);

impl Text {
    pub fn line(&mut self, line: fmt::Arguments<'_>) {
        self.0
            .write_fmt(line)
            .expect("writing to a String does not fail");
        self.0.push_str("\r\n");
    }

    fn rejected(&mut self, section: &Section<'_>) {
        let formats: Vec<&str> = section.formats().collect();
        self.line(format_args!(
            "m={} 0 {} {}",
            section.media.media_name.media,
            section.protocol(),
            formats.join(" ")
        ));
        self.line(format_args!("c=IN IP4 0.0.0.0"));
        if let Some(mid) = section.mid() {
            self.line(format_args!("a=mid:{mid}"));
        }
        self.line(format_args!("a=inactive"));
    }

    fn accepted(&mut self, local: &Local<'_>, accepted: &Accepted<'_>, tagged: bool) {
        self.media(local, accepted);
        self.transport(local);
        if tagged {
            self.candidates(local.candidates);
        }
        self.line(format_args!("a=mid:{}", accepted.mid));
        self.line(format_args!("a=rtcp-mux"));
        if accepted.section.has_anywhere("rtcp-rsize") {
            self.line(format_args!("a=rtcp-rsize"));
        }
        if accepted.allow_mixed {
            self.line(format_args!("a=extmap-allow-mixed"));
        }
        for Mapping { id, direction, uri } in &accepted.mappings {
            match direction {
                Some(direction) => self.line(format_args!("a=extmap:{id}/{direction} {uri}")),
                None => self.line(format_args!("a=extmap:{id} {uri}")),
            }
        }
        self.codecs(accepted);
        self.purpose(&accepted.purpose);
    }

    fn media(&mut self, local: &Local<'_>, accepted: &Accepted<'_>) {
        let formats: Vec<String> = accepted
            .codecs
            .iter()
            .flat_map(|binding| [Some(binding.payload_type), binding.rtx])
            .flatten()
            .map(|payload_type| payload_type.to_string())
            .collect();
        let (port, address) = match candidate::default(local.candidates) {
            Some(candidate) if candidate.is_ipv6() => {
                (candidate.port(), format!("IP6 {}", candidate.ip()))
            }
            Some(candidate) => (candidate.port(), format!("IP4 {}", candidate.ip())),
            None => (9, "IP4 0.0.0.0".to_owned()),
        };
        let media = &accepted.section.media.media_name.media;
        self.line(format_args!(
            "m={media} {port} {} {}",
            accepted.section.protocol(),
            formats.join(" ")
        ));
        self.line(format_args!("c=IN {address}"));
    }

    fn transport(&mut self, local: &Local<'_>) {
        self.line(format_args!("a=ice-ufrag:{}", local.credentials.ufrag));
        self.line(format_args!("a=ice-pwd:{}", local.credentials.pwd));
        self.line(format_args!("a=fingerprint:{}", local.fingerprint));
        self.line(format_args!("a=setup:passive"));
    }

    /// The candidates, and the word that there will be no more.
    pub fn candidates(&mut self, candidates: &[Path]) {
        for (place, path) in (0_u32..).zip(candidates) {
            let candidate = Candidate(place, *path);
            self.line(format_args!("a=candidate:{candidate}"));
        }
        self.line(format_args!("a=end-of-candidates"));
    }

    fn codecs(&mut self, accepted: &Accepted<'_>) {
        let start_bitrate = match accepted.purpose {
            Purpose::Receive {
                start_bitrate_kbps, ..
            } => start_bitrate_kbps,
            Purpose::Inactive | Purpose::Send { .. } => None,
        };
        for CodecBinding {
            payload_type,
            codec,
            clock_rate,
            channels,
            fmtp,
            rtx,
            feedback,
        } in &accepted.codecs
        {
            let channels = if *channels > 1 {
                format!("/{channels}")
            } else {
                String::new()
            };
            self.line(format_args!(
                "a=rtpmap:{payload_type} {}/{clock_rate}{channels}",
                codec.name()
            ));
            for value in feedback.values() {
                self.line(format_args!("a=rtcp-fb:{payload_type} {value}"));
            }
            match (fmtp.as_str(), start_bitrate) {
                ("", None) => {}
                ("", Some(kbps)) => self.line(format_args!(
                    "a=fmtp:{payload_type} x-google-start-bitrate={kbps}"
                )),
                (fmtp, None) => self.line(format_args!("a=fmtp:{payload_type} {fmtp}")),
                (fmtp, Some(kbps)) => self.line(format_args!(
                    "a=fmtp:{payload_type} {fmtp};x-google-start-bitrate={kbps}"
                )),
            }
            if let Some(rtx) = rtx {
                self.line(format_args!("a=rtpmap:{rtx} rtx/{clock_rate}"));
                self.line(format_args!("a=fmtp:{rtx} apt={payload_type}"));
            }
        }
    }

    fn purpose(&mut self, purpose: &Purpose) {
        match purpose {
            Purpose::Inactive => self.line(format_args!("a=inactive")),
            Purpose::Receive { rids, .. } => {
                self.line(format_args!("a=recvonly"));
                for rid in rids {
                    self.line(format_args!("a=rid:{rid} recv"));
                }
                if !rids.is_empty() {
                    self.line(format_args!("a=simulcast:recv {}", rids.join(";")));
                }
            }
            Purpose::Send {
                ssrc,
                rtx_ssrc,
                name,
                track,
            } => {
                self.line(format_args!("a=sendonly"));
                self.line(format_args!("a=msid:{name} {track}"));
                if let Some(rtx_ssrc) = rtx_ssrc {
                    self.line(format_args!("a=ssrc-group:FID {ssrc} {rtx_ssrc}"));
                }
                for ssrc in [Some(*ssrc), *rtx_ssrc].into_iter().flatten() {
                    self.line(format_args!("a=ssrc:{ssrc} cname:{name}"));
                    self.line(format_args!("a=ssrc:{ssrc} msid:{name} {track}"));
                }
            }
        }
    }
}
