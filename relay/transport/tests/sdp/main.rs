//! Offers of real clients and broken ones against the answers of both doors.

#![expect(clippy::unwrap_used, reason = "a broken fixture is a failed test")]

mod common;
mod malformed;
mod publish;
mod rtc_client;
mod watch;
