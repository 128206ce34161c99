//! What is asked of the control side, and what it answers.

use protocol::{LessonId, Role, SeatId, Source};
use relay_transport::sdp::OfferError;

/// Names a session in its resource address; unguessable, because whoever knows it may end the session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SessionId(String);

impl SessionId {
    /// The identifier as it appears in addresses.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for SessionId {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// A WHIP request that authorisation has let through.
#[derive(Debug)]
pub struct Publish {
    /// The lesson to publish into.
    pub lesson: LessonId,
    /// What is published.
    pub source: Source,
    /// Who publishes.
    pub seat: SeatId,
    /// The SDP offer.
    pub offer: String,
}

/// What a WHEP session shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum View {
    /// The lesson's slots: camera, courseware, stage places, as many as the offer has m-lines for.
    Lesson,
    /// One publication; `seat` tells rooms apart and is needed for [`Source::Room`] only.
    Publication {
        /// The source to show.
        source: Source,
        /// Whose source.
        seat: Option<SeatId>,
    },
}

/// A WHEP request that authorisation has let through.
#[derive(Debug)]
pub struct Watch {
    /// The lesson to watch.
    pub lesson: LessonId,
    /// What of it.
    pub view: View,
    /// Who watches.
    pub seat: SeatId,
    /// As what.
    pub role: Role,
    /// The SDP offer.
    pub offer: String,
}

/// A session that now exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// Its resource.
    pub id: SessionId,
    /// The entity tag of its ICE generation, without quotes (RFC 9725 §4.3.1).
    pub etag: String,
    /// The SDP answer.
    pub answer: String,
}

/// Why a session was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The SDP is malformed or contradictory: 400.
    #[error("{0}")]
    Malformed(String),
    /// The SDP is well formed but nothing in it can be served (codecs, transports, directions): 406.
    #[error("{0}")]
    Unacceptable(String),
    /// The relay is at its configured limit or draining: 503.
    #[error("{0}")]
    Unavailable(String),
}

/// The outcome of a `PATCH` (RFC 9725 §4.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Patched {
    /// Candidates were taken note of: 204.
    Trickled,
    /// ICE was restarted: 200 with this SDP fragment and this new entity tag.
    Restarted {
        /// `application/trickle-ice-sdpfrag` with the relay's new credentials and candidates.
        fragment: String,
        /// The entity tag of the new ICE generation, without quotes.
        etag: String,
    },
}

/// Why a `PATCH` was refused.
#[derive(Debug, thiserror::Error)]
pub enum PatchError {
    /// No such session: 404.
    #[error("there is no such session")]
    Unknown,
    /// `If-Match` names another ICE generation: 412.
    #[error("the entity tag does not name the session's current ICE generation")]
    Stale,
    /// The fragment is not an SDP fragment: 400.
    #[error("{0}")]
    Malformed(String),
}

/// No such session.
#[derive(Debug, thiserror::Error)]
#[error("there is no such session")]
pub struct UnknownSession;

impl Created {
    pub(super) fn with_answer(self, answer: String) -> Self {
        Self { answer, ..self }
    }
}

/// What a session belongs to; what authorisation of later requests is decided on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The session's lesson.
    pub lesson: LessonId,
    /// Whose session it is.
    pub seat: SeatId,
}

impl From<OfferError> for CreateError {
    fn from(error: OfferError) -> Self {
        match error {
            OfferError::Malformed(malformed) => CreateError::Malformed(malformed.to_string()),
            OfferError::Unacceptable(unacceptable) => {
                CreateError::Unacceptable(unacceptable.to_string())
            }
        }
    }
}
