//! The classroom box: captures and encodes, decodes and plays.
//!
//! GStreamer does everything that has to do with pictures and sound, [`participant`] brings them to the relay and back. The
//! program is `lectern-classroom`; [`cli`] says what it takes.
//!
//! ```text
//! source (clip, camera, network, screen, pattern, microphone) ─▶ publish ─▶ participant::publish
//! participant::watch ─▶ watch ─▶ playout ─▶ play (decode, screen, loudspeaker)
//! ```

pub mod adapt;
pub mod cli;
pub mod decode;
pub mod elements;
pub mod encode;
pub mod h264;
pub mod layers;
pub mod opus;
pub mod pipeline;
pub mod play;
pub mod playout;
pub mod publish;
pub mod source;
pub mod stats;
pub mod watch;
