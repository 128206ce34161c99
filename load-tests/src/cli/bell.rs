//! `lectern-load bench-bell`.

use std::path::PathBuf;

use anyhow::ensure;
use clap::Args;

use super::{Offering, relay, write_json};
use crate::bell::{Bell, Verdict};
use crate::publisher::Pacing;
use crate::summary::Spread;

/// `lectern-load bench-bell`.
#[derive(Debug, Args)]
pub struct BenchBellArgs {
    /// Rooms that join within a second.
    #[arg(long, default_value_t = 29, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rooms: u32,
    /// Rooms that watch already.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub watching: u32,
    /// How the publishers send.
    #[arg(long, value_enum, default_value = "paced")]
    pub pattern: Pacing,
    /// What the rooms offer.
    #[command(flatten)]
    pub offer: Offering,
    /// The relay's executable; by default `lectern` beside this one.
    #[arg(long)]
    pub relay: Option<PathBuf>,
    /// Write the result as JSON; `-` is standard output.
    #[arg(long)]
    pub json: Option<PathBuf>,
}

/// Plays it and reports. An error when a room had no picture.
pub fn run(args: &BenchBellArgs) -> anyhow::Result<()> {
    let bell = Bell {
        rooms: args.rooms as usize,
        watching: args.watching as usize,
        pacing: args.pattern,
        abilities: args.offer.abilities(),
        relay: relay(args.relay.as_deref())?,
    };
    let verdict = bell.run()?;
    print!("{}", table(&verdict));
    if let Some(path) = &args.json {
        write_json(path, &verdict)?;
    }
    let without = verdict.rooms_without_picture;
    ensure!(without == 0, "{without} rooms had no picture");
    Ok(())
}

fn table(verdict: &Verdict) -> String {
    let spread = |spread: Option<Spread>| {
        spread.map_or("-".to_owned(), |spread| {
            format!(
                "p50 {:.0}  p95 {:.0}  max {:.0} ms",
                spread.p50, spread.p95, spread.max
            )
        })
    };
    let millis = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.2}"));
    let mut spacing = String::new();
    for (layer, interval) in &verdict.per_layer_min_interval_ms {
        if let Some(interval) = interval {
            spacing += &format!("  {layer} {interval:.0}");
        }
    }
    let delay = verdict.watching_delay_p99_ms;
    format!(
        "{} rooms join a lesson that {} rooms watch\n\
         first picture      {}\n\
         both pictures      {}\n\
         without a picture  {}\n\
         keyframe requests  {}; shortest time between two for a layer:{} ms\n\
         who watched        delay p99 {} ms before, {} ms during; {} packets lost\n",
        verdict.rooms,
        verdict.watching,
        spread(verdict.first_picture_ms),
        spread(verdict.both_pictures_ms),
        verdict.rooms_without_picture,
        verdict.keyframe_requests_upstream,
        if spacing.is_empty() { "  -" } else { &spacing },
        millis(delay.before),
        millis(delay.during),
        verdict.watching_packets_lost,
    )
}
