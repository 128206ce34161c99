//! ICE-lite (RFC 8445 §2.5): answers authenticated checks and follows the client's nominations.

mod answer;
mod seen;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rtc_stun::attributes::{
    ATTR_FINGERPRINT, ATTR_ICE_CONTROLLED, ATTR_MESSAGE_INTEGRITY, ATTR_PRIORITY,
    ATTR_USE_CANDIDATE, ATTR_USERNAME, AttrType, RawAttribute,
};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_REQUEST, CLASS_INDICATION, METHOD_BINDING, Message};

use self::answer::Answer;
use self::seen::Seen;
use crate::{Credentials, Discard, Identity, Path, stun_username};

/// How long a client may send nothing that authenticates (RFC 7675 §5.1).
pub(crate) const CONSENT: Duration = Duration::from_secs(30);

/// Silence of the nominated path after which a check from another one counts as a nomination. A
/// client behind a NAT that rebinds does not know that its address has changed, so it does not
/// nominate again. Clients check the pair they use every 2 to 2.5 s.
const SILENCE: Duration = Duration::from_secs(3);

/// A client's interfaces, in both address families.
const MAX_VALIDATED: usize = 16;

/// The relay's half of ICE for one session.
pub(crate) struct Agent {
    identity: Arc<Identity>,
    local: Credentials,
    /// Still accepted after a restart, until the first check under `local`.
    previous: Option<Credentials>,
    /// Paths that authenticated checks came from, the latest at the back.
    validated: VecDeque<Path>,
    nominated: Option<Nominated>,
    seen: Seen,
    consent_until: Instant,
}

/// The path to send to.
struct Nominated {
    path: Path,
    checked_at: Instant,
}

/// What a check led to.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// The answer, to the path the check came from.
    pub(crate) answer: Option<Vec<u8>>,
    /// The path to send to has changed to the one the check came from.
    pub(crate) nominated: bool,
}

impl Agent {
    pub(crate) fn new(identity: Arc<Identity>, local: Credentials, now: Instant) -> Self {
        Self {
            identity,
            local,
            previous: None,
            validated: VecDeque::new(),
            nominated: None,
            seen: Seen::default(),
            consent_until: now + CONSENT,
        }
    }

    /// A second restart before the client took up the first replaces the first: only the client
    /// knows which of the two answers it saw, and it asked for both.
    pub(crate) fn restart(&mut self, local: Credentials) {
        let replaced = std::mem::replace(&mut self.local, local);
        self.previous.get_or_insert(replaced);
    }

    /// The user name fragments that checks may carry.
    pub(crate) fn ufrags(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.local)
            .chain(&self.previous)
            .map(|credentials| credentials.ufrag.as_str())
    }

    pub(crate) fn consent_until(&self) -> Instant {
        self.consent_until
    }

    pub(crate) fn nominated(&self) -> Option<Path> {
        self.nominated.as_ref().map(|nominated| nominated.path)
    }

    pub(crate) fn is_validated(&self, path: Path) -> bool {
        self.nominated() == Some(path) || self.validated.contains(&path)
    }

    /// Sends to `path` from now on; returns whether that is a change.
    pub(crate) fn nominate(&mut self, now: Instant, path: Path) -> bool {
        let before = self.nominated.replace(Nominated {
            path,
            checked_at: now,
        });
        before.is_none_or(|before| before.path != path)
    }

    /// Handles a STUN message (RFC 8445 §7.3). One that does not authenticate is not answered: an
    /// error response would tell a stranger that there is a session, and clients do not need it.
    pub(crate) fn handle(
        &mut self,
        now: Instant,
        from: Path,
        datagram: &[u8],
    ) -> Result<Checked, Discard> {
        let mut request = decode(datagram)?;
        if request.typ != BINDING_REQUEST {
            let keepalive =
                request.typ.method == METHOD_BINDING && request.typ.class == CLASS_INDICATION;
            return match keepalive {
                true => Ok(Checked::default()),
                false => Err(Discard::UnexpectedStun),
            };
        }
        let ends_in_fingerprint = request
            .attributes
            .0
            .last()
            .is_some_and(|attribute| attribute.typ == ATTR_FINGERPRINT);
        if !ends_in_fingerprint || FINGERPRINT.check(&request).is_err() {
            return Err(Discard::BadFingerprint);
        }
        let ufrag = stun_username(datagram).ok_or(Discard::UnknownUserName)?;
        let (credentials, is_current) = match &self.previous {
            _ if ufrag == self.local.ufrag => (&self.local, true),
            Some(previous) if ufrag == previous.ufrag => (previous, false),
            _ => return Err(Discard::UnknownUserName),
        };
        let key = credentials.pwd.as_bytes();
        MessageIntegrity::check(&mut request, key, self.identity.crypto())
            .map_err(|_| Discard::BadIntegrity)?;

        let attributes = authenticated(&request);
        let answer = judge(attributes, from);
        let nominates = has(attributes, ATTR_USE_CANDIDATE);
        let succeeded = matches!(answer, Answer::Success(_));
        let answer = answer.encode(request.transaction_id, key, self.identity.crypto());
        // A check that somebody recorded and sends from elsewhere would redirect the media.
        if !self.seen.is_first_or_repeated(request.transaction_id, from) {
            return Err(Discard::Replayed);
        }
        if !succeeded {
            return Ok(Checked {
                answer,
                nominated: false,
            });
        }
        if is_current {
            self.previous = None;
        }
        self.consent_until = now + CONSENT;
        self.validate(from);
        let is_followed = self.nominated.as_ref().is_some_and(|nominated| {
            nominated.path == from || nominated.checked_at + SILENCE <= now
        });
        Ok(Checked {
            answer,
            nominated: (nominates || is_followed) && self.nominate(now, from),
        })
    }

    fn validate(&mut self, path: Path) {
        self.validated.retain(|known| *known != path);
        if self.validated.len() == MAX_VALIDATED {
            self.validated.pop_front();
        }
        self.validated.push_back(path);
    }
}

fn decode(datagram: &[u8]) -> Result<Message, Discard> {
    let mut message = Message::new();
    message
        .unmarshal_binary(datagram)
        .map_err(|_| Discard::Malformed)?;
    // FINGERPRINT is computed over the whole datagram, so nothing may follow the message.
    let is_whole =
        datagram.len() == rtc_stun::message::MESSAGE_HEADER_SIZE + message.length as usize;
    is_whole.then_some(message).ok_or(Discard::Malformed)
}

/// The attributes that MESSAGE-INTEGRITY covers; those behind it are ignored (RFC 8489 §14.5).
fn authenticated(request: &Message) -> &[RawAttribute] {
    let attributes = &request.attributes.0;
    let end = attributes
        .iter()
        .position(|attribute| attribute.typ == ATTR_MESSAGE_INTEGRITY)
        .unwrap_or(attributes.len());
    &attributes[..end]
}

fn has(attributes: &[RawAttribute], kind: AttrType) -> bool {
    attributes.iter().any(|attribute| attribute.typ == kind)
}

fn judge(attributes: &[RawAttribute], from: Path) -> Answer {
    const KNOWN: [AttrType; 3] = [ATTR_USERNAME, ATTR_PRIORITY, ATTR_USE_CANDIDATE];
    let unknown: Vec<AttrType> = attributes
        .iter()
        .map(|attribute| attribute.typ)
        .filter(|kind| kind.required() && !KNOWN.contains(kind))
        .collect();
    if !unknown.is_empty() {
        Answer::UnknownAttributes(unknown)
    } else if has(attributes, ATTR_ICE_CONTROLLED) {
        // An ICE-lite agent is always the controlled one (RFC 8445 §6.1.1).
        Answer::RoleConflict
    } else {
        Answer::Success(from.address)
    }
}

#[cfg(test)]
mod tests;
