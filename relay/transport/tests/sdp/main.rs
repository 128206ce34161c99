//! Offers of real clients and broken ones against the answers of both doors.

mod common;
mod malformed;
mod publish;
mod rtc_client;
mod watch;
