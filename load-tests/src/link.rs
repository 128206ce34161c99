//! A line between any WHIP/WHEP client and any server: loss, delay, jitter, reordering, duplication, a rate with a bounded
//! queue, outages, each direction on its own and on a schedule.
//!
//! ```text
//!  client ◀──HTTP──▶ Front ──▶ server        candidates in answers become gates of the line
//!  client ◀──UDP──▶ gate ◀─ Lane down/up ─▶ a socket per client ◀──▶ server
//! ```
//!
//! Everything that passes one [`Line`] shares it, as the sessions of one classroom do: several rooms need several lines.

mod front;
mod lane;
mod line;
pub mod profile;
mod sdp;
mod tape;

pub use front::{Front, FrontError};
pub use lane::{Lane, Parcel, Tally};
pub use line::{Line, LineError, LineReport};
pub use profile::{Profile, ProfileError};
pub use tape::{Mark, Tape};
