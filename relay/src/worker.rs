//! Media workers: one thread per core, each with its own UDP socket and the sessions placed on it.
//!
//! ```text
//!  socket ─▶ driver ─▶ Engine::handle_datagram ┐                     ┌▶ Outlet ─▶ socket (GSO runs)
//!  mailbox ▶ driver ─▶ Engine::handle_mail     ├▶ Engine::flush ─────┤
//!  clock ──▶ driver ─▶ Engine::handle_timeout  ┘   once per batch    └▶ Output::{Mail to other workers, Notice}
//! ```
//!
//! The [`engine::Engine`] does no I/O and reads no clock, so that whole lessons run in virtual time. Workers share nothing: a
//! publication's packets reach the other workers as one message per batch.

pub mod driver;
mod egress;
pub mod engine;
mod mail;
mod publisher;
mod rtcp;
mod session;
mod track;
mod viewer;

pub use egress::Outlet;
pub use mail::{
    Closed, Mail, Mailbox, Notice, Opening, Post, Side, TrackDescription, Undelivered, Wake,
};
