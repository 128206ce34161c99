//! Errors over HTTP.

use serde::{Deserialize, Serialize};

/// Problem details for HTTP APIs (RFC 9457), served as `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A stable name of the kind of problem, as a relative URI: `/problems/unknown-lesson`.
    #[serde(rename = "type")]
    pub kind: String,
    /// A short summary that does not change between occurrences.
    pub title: String,
    /// The HTTP status code.
    pub status: u16,
    /// A sentence for the person who has to act.
    pub detail: String,
}
