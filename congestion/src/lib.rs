//! What a line carries, told from when packets arrived. No I/O, no clock: it is told the time.
//!
//! [`arrivals`] is the receiving side of transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01),
//! [`estimate`] the sending side: congestion control after draft-ietf-rmcat-gcc-02, with trains of packets in place of long
//! probing, and with loss that belongs to the line told from loss that is due to the rate.
//!
//! ```text
//!   sender                                             line                  receiver
//!   ┌─ estimate ──────────────────────────────────┐
//!   │ sent() ──▶ history ─────────────────────────┼──▶ packets with numbers ──▶ arrivals
//!   │               │                             │                                │
//!   │ feedback() ──▶├─▶ delivered  bit/s arriving │◀── numbers and arrival times ──┘
//!   │               ├─▶ delay      a queue grows? │      every 60 ms
//!   │               ├─▶ train      bottleneck's   │
//!   │               │              capacity       │
//!   │               └─▶ loss       the line's own,│
//!   │                   │          or the rate's? │
//!   │ remb() ───────┐   ▼                         │
//!   │ reception() ──┴─▶ aimd ──▶ target(), pace() │──▶ allocator, pacer, encoder
//!   │ want() ─────────▶ ascent ─▶ poll(): padding │──▶ a train, where media makes none
//!   └─────────────────────────────────────────────┘
//! ```
//!
//! Who decides what: over-use (delay) lowers the target to 0.85 of what arrives; loss beyond the inherent one lowers it to
//! what arrives, once, and is taken for inherent if it stays at the lower rate; trains let it climb to what the line carries, for
//! a sender whose rate comes in steps does not get there by sending more and more; a train's figure that is precise is also its
//! limit. An attempt that leads to over-use makes the next one wait, 2 s to 30 s, unless the line has evidently changed.

pub mod arrivals;
pub mod estimate;
mod wire;
