//! Who is asking, and whether they may.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use protocol::{Claims, LessonId, Role, SeatId, Source};

use super::{App, Refusal};
use crate::control::{Owner, View};
use crate::tokens::Verifier;

/// The seat of whoever names none in local mode.
const LOCAL_SEAT: &str = "local";

/// How callers are told apart.
#[derive(Debug)]
pub(super) enum Access {
    /// Everybody on this machine may do everything.
    Local,
    /// By token.
    Keyed(Box<Verifier>),
}

/// Whoever is asking.
#[derive(Debug)]
pub(super) enum Caller {
    /// Somebody on this machine.
    Local,
    /// The holder of a good token.
    Holder(Claims),
}

/// Who follows a lesson's events.
#[derive(Debug)]
pub(super) struct Audience {
    /// Their seat.
    pub(super) seat: SeatId,
    /// Whether they see every line, or only their own.
    pub(super) sees_all: bool,
}

impl App {
    /// Identifies the caller, before anything else is looked at.
    pub(super) fn caller(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        match &self.shared.access {
            Access::Local => Ok(Caller::Local),
            Access::Keyed(verifier) => Ok(Caller::Holder(verifier.verify(bearer(headers)?)?)),
        }
    }

    /// Identifies a caller who cannot send headers.
    pub(super) fn greeter(&self, token: Option<&str>) -> Result<Caller, Refusal> {
        match &self.shared.access {
            Access::Local => Ok(Caller::Local),
            Access::Keyed(verifier) => {
                let token = token.ok_or(Refusal::NoToken)?;
                Ok(Caller::Holder(verifier.verify(token)?))
            }
        }
    }

    /// The lesson of an address. Whether it exists is told only to those whose token names it.
    pub(super) fn lesson(&self, caller: &Caller, name: &str) -> Result<LessonId, Refusal> {
        let lesson: LessonId = name.parse().map_err(|_| Refusal::UnknownLesson)?;
        caller.opens(&lesson)?;
        match &self.shared.lessons {
            Some(lessons) if !lessons.contains(&lesson) => Err(Refusal::UnknownLesson),
            _ => Ok(lesson),
        }
    }
}

/// RFC 6750 §2.1; the scheme is case-insensitive (RFC 9110 §11.1).
fn bearer(headers: &HeaderMap) -> Result<&str, Refusal> {
    let value = headers.get(AUTHORIZATION).ok_or(Refusal::NoToken)?;
    let (scheme, token) = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .ok_or(Refusal::NoToken)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(token.trim())
    } else {
        Err(Refusal::NoToken)
    }
}

impl Caller {
    fn opens(&self, lesson: &LessonId) -> Result<(), Refusal> {
        match self {
            Caller::Holder(claims) if claims.lesson != *lesson => {
                Err(Refusal::Forbidden("the token opens another lesson".into()))
            }
            _ => Ok(()),
        }
    }

    /// The seat that publishes `source`; `asked` is the seat named in the address.
    pub(super) fn publisher(
        self,
        source: Source,
        asked: Option<SeatId>,
    ) -> Result<SeatId, Refusal> {
        match self {
            Caller::Local => Ok(asked.unwrap_or_else(local_seat)),
            Caller::Holder(claims) if !claims.may_publish(source) => Err(Refusal::Forbidden(
                format!("the token does not allow publishing {source}"),
            )),
            Caller::Holder(claims) => Ok(claims.sub),
        }
    }

    /// The seat and role that watch `view`; `asked` is the seat named in the address.
    pub(super) fn viewer(
        self,
        view: &View,
        asked: Option<SeatId>,
    ) -> Result<(SeatId, Role), Refusal> {
        match self {
            Caller::Local => Ok((asked.unwrap_or_else(local_seat), Role::Observer)),
            Caller::Holder(claims) if !may_watch(&claims, view) => Err(Refusal::Forbidden(
                "the token does not allow watching a classroom by itself".into(),
            )),
            Caller::Holder(claims) => Ok((claims.sub, claims.role)),
        }
    }

    /// Whose events these are, and whether they see the lines of the whole lesson; `asked` is the seat that the caller names.
    pub(super) fn audience(self, asked: Option<SeatId>) -> Audience {
        match self {
            Caller::Local => Audience {
                seat: asked.unwrap_or_else(local_seat),
                sees_all: true,
            },
            Caller::Holder(claims) => Audience {
                sees_all: oversees(claims.role),
                seat: claims.sub,
            },
        }
    }

    /// Whether the lines of the whole lesson may be read.
    pub(super) fn may_oversee(&self) -> Result<(), Refusal> {
        match self {
            Caller::Holder(claims) if !oversees(claims.role) => Err(Refusal::Forbidden(
                "the token does not allow looking at the lines of other seats".into(),
            )),
            _ => Ok(()),
        }
    }

    /// Whether a session may be changed or ended: by its own seat, or by the lesson's operator.
    pub(super) fn may_change(&self, owner: &Owner) -> Result<(), Refusal> {
        self.opens(&owner.lesson)?;
        match self {
            Caller::Holder(claims) if claims.sub != owner.seat && claims.role != Role::Operator => {
                Err(Refusal::Forbidden(
                    "the session belongs to another seat".into(),
                ))
            }
            _ => Ok(()),
        }
    }
}

fn oversees(role: Role) -> bool {
    match role {
        Role::Teacher | Role::Operator | Role::Observer => true,
        Role::Room | Role::Recorder => false,
    }
}

/// Everybody sees what the lesson shows; a classroom that is not on stage is seen only by those who run the lesson
/// and by itself.
fn may_watch(claims: &Claims, view: &View) -> bool {
    match (view, claims.role) {
        (
            View::Publication {
                source: Source::Room,
                ..
            },
            Role::Teacher | Role::Operator | Role::Recorder,
        ) => true,
        (
            View::Publication {
                source: Source::Room,
                seat,
            },
            _,
        ) => seat.as_ref() == Some(&claims.sub),
        _ => true,
    }
}

fn local_seat() -> SeatId {
    LOCAL_SEAT.parse().expect("a constant that is a seat")
}
