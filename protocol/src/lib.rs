//! What travels between the relay and everybody else: identifiers, roles, token claims and API bodies.
//!
//! This crate names no I/O, no clock and no media library, so every other crate and the web tests can share it.

mod claims;
mod id;
mod problem;
mod source;

pub use claims::{Claims, Role};
pub use id::{InvalidId, LessonId, SeatId};
pub use problem::Problem;
pub use source::{Source, UnknownSource};
