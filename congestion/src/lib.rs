//! What a line carries, told from when packets arrived. No I/O, no clock: it is told the time.
//!
//! [`arrivals`] is the receiving side of transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01).

pub mod arrivals;
pub mod estimate;
