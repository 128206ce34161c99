//! From the text of an offer to its m-lines and its transport.

use std::io::Cursor;

use rtc_sdp::SessionDescription;

use super::{
    Malformed, OfferError, Remote, Unacceptable,
    media::{Section, values},
};
use crate::{Credentials, Fingerprint, FingerprintError};

/// Browsers' largest offers have about 20 KiB.
const MAX_BYTES: usize = 64 * 1024;
const MAX_SECTIONS: usize = 64;

/// An offer that keeps the grammar, whose mids are unique and whose BUNDLE group is sound.
#[derive(Debug)]
pub(super) struct Offer {
    description: SessionDescription,
    /// The mids of the first BUNDLE group, the offerer-tagged one first; empty without a group.
    bundle: Vec<String>,
}

impl Offer {
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        guard(text)?;
        let description = SessionDescription::unmarshal(&mut Cursor::new(text.as_bytes()))
            .map_err(|error| Malformed::Syntax(excerpt(&error.to_string())))?;
        let mut offer = Self {
            description,
            bundle: Vec::new(),
        };
        if offer.description.media_descriptions.is_empty() {
            return Err(Malformed::NoSection);
        }
        offer.check_mids()?;
        offer.bundle = offer.read_bundle()?;
        Ok(offer)
    }

    pub fn sections(&self) -> impl ExactSizeIterator<Item = Section<'_>> {
        self.description
            .media_descriptions
            .iter()
            .map(|media| Section {
                media,
                session: &self.description.attributes,
            })
    }

    pub fn has_bundle(&self) -> bool {
        !self.bundle.is_empty()
    }

    /// Whether the m-line of that mid may share the one transport; anything may where there is no
    /// group.
    pub fn bundles(&self, mid: &str) -> bool {
        self.bundle.is_empty() || self.bundle.iter().any(|member| member == mid)
    }

    /// The client's side of the transport.
    pub fn remote(&self) -> Result<Remote, OfferError> {
        if self.description.has_attribute("ice-lite") {
            return Err(Unacceptable::IceLite.into());
        }
        self.check_setup()?;
        Ok(Remote {
            credentials: self.credentials()?,
            fingerprint: self.fingerprint()?,
        })
    }

    fn check_mids(&self) -> Result<(), Malformed> {
        let mut seen: Vec<&str> = Vec::new();
        for (index, section) in self.sections().enumerate() {
            match section.mid() {
                Some(mid) if seen.contains(&mid) => {
                    return Err(Malformed::DuplicateMid(mid.to_owned()));
                }
                Some(mid) => seen.push(mid),
                None if section.is_enabled() => return Err(Malformed::Mid(index + 1)),
                None => {}
            }
        }
        Ok(())
    }

    fn read_bundle(&self) -> Result<Vec<String>, Malformed> {
        let mut groups = values(&self.description.attributes, "group");
        let members = groups
            .find_map(|value| value.strip_prefix("BUNDLE"))
            .unwrap_or_default();
        let mut bundle: Vec<String> = Vec::new();
        for mid in members.split_ascii_whitespace() {
            let known = self.sections().any(|section| section.mid() == Some(mid));
            if !known || bundle.iter().any(|member| member == mid) {
                return Err(Malformed::Bundle(excerpt(mid)));
            }
            bundle.push(mid.to_owned());
        }
        Ok(bundle)
    }

    /// The values of a transport attribute, the ones that count first: those of the offerer-tagged
    /// m-line (RFC 9143 §7.1.3), of the session, of any other m-line.
    fn transport_values(&self, key: &str) -> impl Iterator<Item = &str> {
        let tagged = self
            .bundle
            .first()
            .and_then(|mid| self.sections().find(|section| section.mid() == Some(mid)));
        let session = values(&self.description.attributes, key);
        let others = self
            .sections()
            .filter(Section::is_enabled)
            .flat_map(move |section| section.values(key));
        tagged
            .into_iter()
            .flat_map(move |section| section.values(key))
            .chain(session)
            .chain(others)
    }

    fn check_setup(&self) -> Result<(), OfferError> {
        // RFC 4145 §4: an offer without the attribute is `active`.
        match self.transport_values("setup").next().unwrap_or("active") {
            "actpass" | "active" => Ok(()),
            role @ ("passive" | "holdconn") => Err(Unacceptable::Setup(role.to_owned()).into()),
            other => Err(Malformed::Setup(excerpt(other)).into()),
        }
    }

    fn credentials(&self) -> Result<Credentials, Malformed> {
        let ufrag = self
            .transport_values("ice-ufrag")
            .next()
            .ok_or(Malformed::IceCredentials)?;
        let pwd = self
            .transport_values("ice-pwd")
            .next()
            .ok_or(Malformed::IceCredentials)?;
        credentials(ufrag, pwd).ok_or(Malformed::IceCredentials)
    }

    /// The first hash that is still safe; clients may add others (RFC 8122 §5).
    fn fingerprint(&self) -> Result<Fingerprint, OfferError> {
        let mut refusal = OfferError::from(Malformed::Fingerprint);
        for value in self.transport_values("fingerprint") {
            match value.parse() {
                Ok(fingerprint) => return Ok(fingerprint),
                Err(FingerprintError::Malformed) => return Err(Malformed::Fingerprint.into()),
                Err(FingerprintError::UnsupportedHash) => {
                    let name = value.split_ascii_whitespace().next().unwrap_or_default();
                    refusal = Unacceptable::Hash(excerpt(name)).into();
                }
            }
        }
        Err(refusal)
    }
}

/// Refuses what is not worth parsing.
fn guard(text: &str) -> Result<(), Malformed> {
    if text.trim().is_empty() {
        return Err(Malformed::Empty);
    }
    if text.len() > MAX_BYTES {
        return Err(Malformed::TooLong(text.len()));
    }
    // Also keeps a lone CR in a value from beginning a line of the answer, where values are echoed.
    if text
        .replace("\r\n", "\n")
        .chars()
        .any(|character| character.is_control() && !matches!(character, '\n' | '\t'))
    {
        return Err(Malformed::ControlCharacter);
    }
    let sections = text.lines().filter(|line| line.starts_with("m=")).count();
    if sections > MAX_SECTIONS {
        return Err(Malformed::TooManySections(sections));
    }
    Ok(())
}

/// `None` unless both keep RFC 8839 §5.4.
pub(super) fn credentials(ufrag: &str, pwd: &str) -> Option<Credentials> {
    let is_ice = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
    };
    let valid = (4..=256).contains(&ufrag.len())
        && (22..=256).contains(&pwd.len())
        && is_ice(ufrag)
        && is_ice(pwd);
    valid.then(|| Credentials {
        ufrag: ufrag.to_owned(),
        pwd: pwd.to_owned(),
    })
}

/// Enough of the client's text to recognise it in an error message.
pub(super) fn excerpt(text: &str) -> String {
    text.chars().take(60).collect()
}
