//! A headless participant of a lesson: publishes by WHIP (RFC 9725), watches by WHEP (draft-ietf-wish-whep), and comes back
//! by itself when the line or the relay goes away.
//!
//! ```no_run
//! use std::time::{Duration, SystemTime};
//! use participant::{AudioFormat, Door, VideoFormat, publish, watch};
//!
//! # async fn example(access_unit: bytes::Bytes) -> Result<(), Box<dyn std::error::Error>> {
//! let door = Door::new("http://127.0.0.1:8080/whip/demo/camera".parse()?).with_token("eyJ…");
//! let config = publish::Config {
//!     video: Some(VideoFormat::H264 { profile_level_id: 0x64_00_33 }),
//!     audio: Some(AudioFormat::Opus { channels: 2 }),
//!     ..publish::Config::default()
//! };
//! let (publisher, mut events) = publish::Publisher::start(door, config);
//! if let Some(video) = publisher.video() {
//!     video.write(publish::Frame {
//!         payload: access_unit,
//!         timestamp: Duration::ZERO,
//!         keyframe: true,
//!         captured: SystemTime::now(),
//!     });
//! }
//! while let Some(event) = events.next().await {
//!     if let publish::Event::KeyframeRequested { .. } = event { /* tell the encoder */ }
//! }
//! publisher.close().await;
//!
//! let door = Door::new("http://127.0.0.1:8080/whep/demo".parse()?);
//! let (watcher, mut events) = watch::Watcher::start(door, watch::Config { video: 2, audio: 1, ..watch::Config::default() });
//! while let Some(event) = events.next().await {
//!     if let watch::Event::Frame(frame) = event { /* decode frame.data */ }
//! }
//! watcher.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! Everything runs on tokio. What a test replaces, the runtime with its sockets and clock and the way offers travel, is a
//! [`Platform`].

mod answer;
mod codec;
mod connection;
mod door;
pub mod events;
mod mailbox;
mod media;
mod platform;
pub mod publish;
pub mod retry;
mod session;
pub mod signalling;
#[cfg(feature = "simulated")]
pub mod simulated;
pub mod watch;
mod wire;

pub use codec::{AudioFormat, Codec, Kind, VideoFormat};
pub use door::{Door, Trust};
pub use mailbox::Mailbox;
pub use platform::{Addresses, Platform};
pub use signalling::Refusal;
