//! The transport against an unmodified `rtc` client over a network in memory, in virtual time.

mod client;
mod connecting;
mod hostile;
mod moving;
mod world;
