//! A sender whose rate comes in steps, a line and a receiver, in virtual time.

mod bad_input;
mod link;
mod lossy;
mod narrow;
mod receivers;
mod reports;
mod sim;
mod steady;
