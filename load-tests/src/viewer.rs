//! A light viewer: it receives, repairs and reports like a real client, and measures.

mod crowd;
mod feedback;
mod jitter;
mod log;
mod picture;
mod report;
mod sequence;
mod session;
mod timing;
mod track;
mod transport_wide;

pub use crowd::{Crowd, CrowdError, Notice, Sample, Seat};
pub use log::{Log, Sighting};
pub use report::{Percentiles, ViewerReport};
pub use sequence::Sequence;
pub use session::{Attention, Entry, Progress, Session};
pub use timing::{Timing, Via};
pub use track::histogram;
