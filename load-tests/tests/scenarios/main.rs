//! Lessons in virtual time: real `webrtc` clients, the relay's real engines and control, an emulated network between them.
//!
//! ```text
//!  School (participant::publish) ─┐                 ┌ engine 0 ┐              ┌─▶ Room (participant::watch)
//!                                 ├─▶ Network ─▶ ───┤   mail   ├─▶ Network ───┤
//!  Raw (load_tests::client) ──────┤                 └ engine 1 ┘              ├─▶ Raw
//!  LightSchool (load_tests) ──────┘                                           └─▶ Lane ──▶ LightRoom
//!                 offers: a call of Control instead of HTTP      Wire: keeps an eye on all that leaves the relay
//! ```

#![expect(
    clippy::unwrap_used,
    reason = "a scenario that cannot go on fails; not all of it is in #[test] functions"
)]

mod hostile;
mod layers;
mod lesson;
mod light;
mod loss;
mod profiles;
mod raw;
mod relay;
mod returning;
mod room;
mod school;
mod simulcast;
mod wire;
mod world;
