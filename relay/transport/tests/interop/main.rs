//! The transport against an unmodified `rtc` client over a network in memory, in virtual time.

#![expect(clippy::unwrap_used, reason = "what cannot be set up is a failed test")]

mod client;
mod connecting;
mod hostile;
mod moving;
mod world;
