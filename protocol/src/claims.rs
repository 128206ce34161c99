//! What a bearer token says about who holds it.

use serde::{Deserialize, Serialize};

use crate::{LessonId, SeatId, Source};

/// What a participant is to the lesson.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Publishes camera, courseware and board; watches everything.
    Teacher,
    /// A classroom: publishes `room`, watches the lesson.
    Room,
    /// Watches, never publishes.
    Observer,
    /// Runs the county's lessons: watches, ends sessions.
    Operator,
    /// Takes one session per publication for the archive.
    Recorder,
}

impl Role {
    /// Whether this role may ever publish `source`; a token's `sources` can only narrow it.
    pub fn may_publish(self, source: Source) -> bool {
        match self {
            Role::Teacher => source != Source::Room,
            Role::Room => source == Source::Room,
            Role::Observer | Role::Operator | Role::Recorder => false,
        }
    }
}

/// The payload of a media token (JWT, HS256; RFC 7519 names where they exist).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who holds the token: a seat.
    pub sub: SeatId,
    /// What the holder is to the lesson.
    pub role: Role,
    /// The one lesson the token opens.
    pub lesson: LessonId,
    /// What the holder may publish; absent means everything its role may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<Vec<Source>>,
    /// Expiry, seconds since the Unix epoch.
    pub exp: u64,
}

impl Claims {
    /// Whether the holder may publish `source`.
    pub fn may_publish(&self, source: Source) -> bool {
        self.role.may_publish(source)
            && self
                .sources
                .as_ref()
                .is_none_or(|sources| sources.contains(&source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_narrow_a_role_and_never_widen_it() {
        let claims = |role, sources: Option<&[Source]>| Claims {
            sub: "centre".parse().unwrap(),
            role,
            lesson: "demo".parse().unwrap(),
            sources: sources.map(<[Source]>::to_vec),
            exp: 0,
        };
        assert!(claims(Role::Teacher, None).may_publish(Source::Courseware));
        assert!(!claims(Role::Teacher, None).may_publish(Source::Room));
        assert!(!claims(Role::Teacher, Some(&[Source::Camera])).may_publish(Source::Courseware));
        assert!(!claims(Role::Observer, Some(&[Source::Camera])).may_publish(Source::Camera));
    }

    #[test]
    fn a_token_without_sources_round_trips() {
        let text = r#"{"sub":"room-7","role":"room","lesson":"demo","exp":1900000000}"#;
        let claims: Claims = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&claims).unwrap(), text);
    }
}
