//! Lessons as scripts in virtual time, one test per rule, and random ones that have to keep what always holds.

mod calls;
mod hands;
mod life;
mod questions;
mod random;
mod restart;
mod rules;
mod script;
mod seats;
mod stage;
mod story;
