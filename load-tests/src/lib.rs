//! Load, and what it costs: a synthetic lesson for any WHIP/WHEP server, the floor under its cost, and a baseline above it.

pub mod baseline;
pub mod bell;
pub mod bench;
pub mod cli;
pub mod client;
pub mod cost;
pub mod demo;
pub mod floor;
pub mod impair;
pub mod inbox;
pub mod lesson;
pub mod link;
pub mod ntp;
pub mod port;
pub mod publisher;
pub mod report;
pub mod rtp;
pub mod summary;
pub mod viewer;
