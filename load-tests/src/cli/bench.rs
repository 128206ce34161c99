//! `lectern-load bench-forward`.

use super::{BenchForwardArgs, relay, write_json};
use crate::bench::{Comparison, Forward};

/// Compares floor, relay and baseline.
pub fn forward(args: &BenchForwardArgs) -> anyhow::Result<()> {
    let own = std::env::current_exe()?;
    let forward = Forward {
        viewers: args.shape.viewers as usize,
        mbit: args.shape.mbit,
        seconds: args.seconds,
        rounds: args.rounds,
        srtp: args.shape.srtp,
        pacing: args.shape.pattern,
        abilities: args.shape.offer.abilities(),
        relay: relay(args.relay.as_deref())?,
        own,
    };
    let comparison = forward.run(|line| eprintln!("{line}"))?;
    print!("{}", table(&comparison));
    if let Some(path) = &args.json {
        write_json(path, &comparison)?;
    }
    Ok(())
}

fn table(comparison: &Comparison) -> String {
    let delay = &comparison.relay_delay_ms;
    format!(
        "\n{} viewers × {} Mbit/s, {}\n\
         floor     {:7.0} ns per packet\n\
         relay     {:7.0} ns per packet   {:.2} × floor\n\
         baseline  {:7.0} ns per packet   {:.1} × relay\n\
         lost      {:7}\n\
         delay     p50 {:.2}  p99 {:.2}  p99.9 {:.2} ms\n\
         memory    {:.0} KiB per viewer\n",
        comparison.viewers,
        comparison.mbit,
        comparison.srtp_profile,
        comparison.floor_ns,
        comparison.relay_ns,
        comparison.relay_over_floor,
        comparison.baseline_ns,
        comparison.baseline_over_relay,
        comparison.packets_lost,
        delay.p50,
        delay.p99,
        delay.p999,
        comparison.rss_bytes_per_viewer / 1024.0,
    )
}
