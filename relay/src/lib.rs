//! The relay: sockets, worker threads, HTTP and configuration around the decisions of `relay-core`.

pub mod control;
