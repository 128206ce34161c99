//! What was found, for terminals, programs and people.

pub mod html;
pub mod json;
mod plot;
pub mod table;
