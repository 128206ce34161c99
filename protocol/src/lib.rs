//! What travels between the relay and everybody else: identifiers, roles, token claims, API bodies and the event stream.
//!
//! This crate names no I/O, no clock and no media library, so every other crate and the web tests can share it. `fixtures/` holds
//! messages as they are on the wire; the tests of this crate and those of the web pages read the same files.

mod claims;
pub mod event;
#[cfg(test)]
mod fixtures;
mod id;
pub mod lesson;
pub mod line;
mod problem;
pub mod record;
mod source;

pub use claims::{Claims, Role};
pub use id::{InvalidId, LessonId, SeatId};
pub use problem::Problem;
pub use source::{Source, UnknownSource};
