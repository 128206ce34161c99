//! Every decision of the relay, without I/O, clock or threads: it is told the time and what arrived.
//!
//! ```text
//!  publisher ─▶ ingest::Receiver ─▶ Packet (shared) ─▶ slot::Slot ─▶ viewer
//!                 │ loss, reports        │                ▲ sequence numbers and timestamps rewritten
//!                 │ keyframe requests    └▶ cache::Cache ─┘ NACK answered
//!  directory: which publication fills which slot
//!  lesson: who may publish, see and hear what, and who is on the stage
//! ```

pub mod allocator;
pub mod cache;
pub mod codec;
pub mod descriptor;
pub mod directory;
pub mod ingest;
pub mod key;
pub mod keyframe;
pub mod lesson;
pub mod line;
pub mod meter;
pub mod nack;
pub mod pacer;
pub mod packet;
pub mod red;
pub mod report;
pub mod rtp;
pub mod slot;
