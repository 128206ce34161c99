//! Load, and what it costs: a synthetic lesson for any WHIP/WHEP server, the floor under its cost, and a baseline above it.

pub mod client;
pub mod inbox;
pub mod ntp;
pub mod port;
pub mod publisher;
pub mod rtp;
pub mod viewer;
