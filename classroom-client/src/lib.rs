//! The classroom box: captures and encodes, decodes and plays.
//!
//! GStreamer does everything that has to do with pictures and sound, [`participant`] brings them to the relay and back. The
//! program is `lectern-classroom`.

pub mod elements;
pub mod encode;
pub mod h264;
pub mod opus;
pub mod pipeline;
pub mod source;
