//! The relay: sockets, worker threads, HTTP and configuration around the decisions of `relay-core`.

pub mod acceptor;
pub mod cli;
pub mod config;
pub mod control;
pub mod counters;
pub mod http;
pub mod lines;
pub mod media;
pub mod metrics;
pub mod readiness;
pub mod run;
pub mod shutdown;
pub mod tls;
pub mod tokens;
pub mod worker;
