//! `lectern-load floor` and `lectern-load sink`.

use std::time::Duration;

use super::{FloorArgs, SinkArgs, write_json};
use crate::floor::{self, sink};

/// Measures the floor with receivers in another process.
pub fn run(args: &FloorArgs) -> anyhow::Result<()> {
    let sink = sink::Sink::start(&std::env::current_exe()?, args.viewers as usize)?;
    let duration = Duration::from_secs_f64(args.seconds);
    let floor = floor::measure(sink.addresses(), args.mbit, duration, args.send)?;
    let received = sink.finish()?;
    eprintln!(
        "{} packets to {} destinations, {received} received, {:.0} ns per packet",
        floor.packets, floor.viewers, floor.ns_per_packet
    );
    if let Some(path) = &args.json {
        write_json(path, &floor)?;
    }
    Ok(())
}

/// Receives until standard input closes.
pub fn run_sink(args: &SinkArgs) -> anyhow::Result<()> {
    Ok(sink::run(args.sockets)?)
}
