//! `application/trickle-ice-sdpfrag` (RFC 8840), the body of a `PATCH` on a session (RFC 9725
//! §4.3).
//!
//! The relay is ICE-lite: it learns the client's addresses from authenticated checks, so candidates
//! are only counted. What matters is whether the client has begun a new ICE generation.

use super::{
    answer::Text,
    offer::{credentials, excerpt},
};
use crate::{Credentials, Path};

const MAX_BYTES: usize = 16 * 1024;

/// What a client trickled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    /// The client's credentials, of the current generation or of a new one.
    pub credentials: Option<Credentials>,
    /// How many candidates there are.
    pub candidates: usize,
    /// Whether the client says that there will be no more.
    pub end_of_candidates: bool,
    /// The lines that name the transport, to be repeated in an answer: `a=group`, the first `m=`
    /// and its `a=mid`.
    frame: Vec<String>,
}

/// Why a fragment is refused: HTTP 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FragmentError {
    /// Longer than any honest fragment.
    #[error("the fragment has {0} bytes: send at most 16384")]
    TooLong(usize),
    /// Nothing that ICE could use.
    #[error(
        "the fragment holds neither candidates nor ICE credentials: send an application/trickle-ice-sdpfrag body (RFC 8840)"
    )]
    Empty,
    /// A line breaks the grammar.
    #[error("the fragment's line {0:?} is not valid (RFC 8840)")]
    Line(String),
    /// One of the credentials is missing, or breaks RFC 8839.
    #[error("the fragment needs both a=ice-ufrag and a=ice-pwd (RFC 8839), or neither")]
    Credentials,
}

impl Fragment {
    /// Reads the body of a `PATCH`.
    ///
    /// # Errors
    /// [`FragmentError`] says what is wrong with it.
    pub fn parse(body: &str) -> Result<Self, FragmentError> {
        if body.len() > MAX_BYTES {
            return Err(FragmentError::TooLong(body.len()));
        }
        let mut fragment = Self {
            credentials: None,
            candidates: 0,
            end_of_candidates: false,
            frame: Vec::new(),
        };
        let (mut ufrag, mut pwd) = (None, None);
        for line in body
            .lines()
            .map(str::trim_end)
            .filter(|line| !line.is_empty())
        {
            let invalid = || FragmentError::Line(excerpt(line));
            if line.chars().any(char::is_control) {
                return Err(invalid());
            }
            match line.split_once('=') {
                // What `"a=" + candidate` gives for a browser's last, empty candidate.
                Some(("a", "")) => fragment.end_of_candidates = true,
                Some(("a", attribute)) => {
                    match attribute.split_once(':').unwrap_or((attribute, "")) {
                        ("ice-ufrag", value) => ufrag = ufrag.or(Some(value)),
                        ("ice-pwd", value) => pwd = pwd.or(Some(value)),
                        ("candidate", value) if is_candidate(value) => fragment.candidates += 1,
                        ("candidate", _) => return Err(invalid()),
                        ("end-of-candidates", _) => fragment.end_of_candidates = true,
                        (key @ ("group" | "mid"), _) => fragment.keep(&format!("a={key}:"), line),
                        _ => {}
                    }
                }
                Some(("m", _)) => fragment.keep("m=", line),
                Some((kind, _)) if kind.len() == 1 => {}
                _ => return Err(invalid()),
            }
        }
        fragment.credentials = match (ufrag, pwd) {
            (Some(ufrag), Some(pwd)) => {
                Some(credentials(ufrag, pwd).ok_or(FragmentError::Credentials)?)
            }
            (None, None) => None,
            _ => return Err(FragmentError::Credentials),
        };
        if fragment.credentials.is_none() && fragment.candidates == 0 && !fragment.end_of_candidates
        {
            return Err(FragmentError::Empty);
        }
        Ok(fragment)
    }

    /// The new credentials, if the fragment begins another ICE generation than that of `current`
    /// (RFC 8839 §4.4.1.1.1).
    pub fn restart(&self, current: &Credentials) -> Option<&Credentials> {
        self.credentials
            .as_ref()
            .filter(|credentials| *credentials != current)
    }

    /// The body of the answer to a restart: the relay's new credentials and its candidates.
    pub fn answer(&self, credentials: &Credentials, candidates: &[Path]) -> String {
        let mut text = Text(String::with_capacity(512));
        text.line(format_args!("a=ice-lite"));
        for line in &self.frame {
            text.line(format_args!("{line}"));
        }
        text.line(format_args!("a=ice-ufrag:{}", credentials.ufrag));
        text.line(format_args!("a=ice-pwd:{}", credentials.pwd));
        text.candidates(candidates);
        text.0
    }

    /// Only the first line of each kind frames the one transport.
    fn keep(&mut self, kind: &str, line: &str) {
        if !self.frame.iter().any(|known| known.starts_with(kind)) {
            self.frame.push(line.to_owned());
        }
    }
}

/// RFC 8839 §5.1, as far as it must hold of any candidate; the address may be an mDNS name.
fn is_candidate(value: &str) -> bool {
    let words: Vec<&str> = value.split_ascii_whitespace().collect();
    matches!(words.as_slice(), [_, component, _, priority, _, port, "typ", _, ..]
        if component.parse::<u16>().is_ok() && priority.parse::<u32>().is_ok() && port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRICKLED: &str = "a=group:BUNDLE 0 1\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n\
        a=mid:0\r\n\
        a=ice-ufrag:rEmO\r\n\
        a=ice-pwd:remotePasswordOf24Chars+\r\n\
        a=candidate:1 1 udp 2122260223 192.0.2.1 50000 typ host generation 0 ufrag rEmO\r\n\
        a=candidate:2 1 udp 2122260223 0a1b.local 50001 typ host\r\n\
        a=end-of-candidates\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96\r\n\
        a=mid:1\r\n";

    fn credentials_named(ufrag: &str) -> Credentials {
        credentials(ufrag, "remotePasswordOf24Chars+").unwrap()
    }

    #[test]
    fn candidates_of_the_current_generation_are_counted() {
        let fragment = Fragment::parse(TRICKLED).unwrap();
        assert_eq!((fragment.candidates, fragment.end_of_candidates), (2, true));
        assert_eq!(fragment.restart(&credentials_named("rEmO")), None);
    }

    #[test]
    fn other_credentials_begin_another_generation() {
        let fragment = Fragment::parse(TRICKLED).unwrap();
        let restart = fragment.restart(&credentials_named("before"));
        assert_eq!(restart, Some(&credentials_named("rEmO")));
    }

    #[test]
    fn a_restart_is_answered_within_the_same_frame() {
        let address = "[2001:db8::7]:7000".parse().unwrap();
        let candidates = [Path::udp(address), Path::tcp(address)];
        let answer = Fragment::parse(TRICKLED)
            .unwrap()
            .answer(&credentials_named("relay"), &candidates);
        assert_eq!(
            answer,
            "a=ice-lite\r\n\
             a=group:BUNDLE 0 1\r\n\
             m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n\
             a=mid:0\r\n\
             a=ice-ufrag:relay\r\n\
             a=ice-pwd:remotePasswordOf24Chars+\r\n\
             a=candidate:1 1 udp 2130706431 2001:db8::7 7000 typ host\r\n\
             a=candidate:2 1 tcp 1520434943 2001:db8::7 7000 typ host tcptype passive\r\n\
             a=end-of-candidates\r\n"
        );
    }

    #[test]
    fn credentials_and_candidates_may_come_alone() {
        let alone =
            Fragment::parse("a=ice-ufrag:rEmO\na=ice-pwd:remotePasswordOf24Chars+\n").unwrap();
        assert_eq!(
            (alone.credentials, alone.candidates),
            (Some(credentials_named("rEmO")), 0)
        );
        let alone =
            Fragment::parse("a=candidate:1 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active")
                .unwrap();
        assert_eq!((alone.credentials, alone.candidates), (None, 1));
        assert!(
            Fragment::parse("a=mid:0\r\na=\r\n")
                .unwrap()
                .end_of_candidates
        );
    }

    #[test]
    fn broken_fragments_are_refused() {
        for empty in ["", "\r\n", "a=mid:0\r\n", "s=-\n"] {
            assert_eq!(
                Fragment::parse(empty),
                Err(FragmentError::Empty),
                "{empty:?}"
            );
        }
        for line in [
            "a",
            "\u{e9}",
            "a\u{e9}=b",
            "=",
            "candidate:1",
            "a=candidate:",
            "a=candidate:1 1 udp x 192.0.2.1 1 typ host",
            "a=mid:0\ra=x",
        ] {
            assert_eq!(
                Fragment::parse(line),
                Err(FragmentError::Line(line.to_owned())),
                "{line:?}"
            );
        }
        for half in [
            "a=ice-ufrag:rEmO",
            "a=ice-pwd:remotePasswordOf24Chars+",
            "a=ice-ufrag:r\na=ice-pwd:short",
        ] {
            assert_eq!(
                Fragment::parse(half),
                Err(FragmentError::Credentials),
                "{half:?}"
            );
        }
        assert_eq!(
            Fragment::parse(&"a".repeat(20_000)),
            Err(FragmentError::TooLong(20_000))
        );
        for end in 0..TRICKLED.len() {
            let _ = Fragment::parse(&TRICKLED[..end]);
        }
    }
}
