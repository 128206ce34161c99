//! `lectern-load bench-forward` and `lectern-load bench-joins`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;

use super::{BenchForwardArgs, BenchJoinsArgs, write_json};
use crate::bench::{Comparison, Forward, Server};
use crate::lesson::{Lesson, Plan};
use crate::publisher::Source;
use crate::report;
use crate::summary::Summary;

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
        relay: relay(args.relay.as_deref(), &own),
        own,
    };
    let comparison = forward.run(|line| eprintln!("{line}"))?;
    print!("{}", table(&comparison));
    if let Some(path) = &args.json {
        write_json(path, &comparison)?;
    }
    Ok(())
}

/// How fast everybody has a picture when all come at once.
pub fn joins(args: &BenchJoinsArgs) -> anyhow::Result<()> {
    let own = std::env::current_exe()?;
    let server = Server::relay(&relay(args.relay.as_deref(), &own))?;
    let plan = Plan {
        whip: Some(server.whip()),
        whep: server.whep(),
        token: None,
        insecure: false,
        viewers: args.shape.viewers as usize,
        videos: 1,
        audios: 1,
        join_within: args.shape.join_within,
        srtp: args.shape.srtp,
        pacing: args.shape.pattern,
        mbit: args.shape.mbit,
    };
    let mut lesson = Lesson::start(plan, Source::synthetic(args.shape.mbit))?;
    // The lesson has been going on for a while when the bell rings.
    lesson.run(Duration::from_secs(1), |_| {})?;
    lesson.join(|_| {})?;
    lesson.run(Duration::from_secs(2), |_| {})?;
    let outcome = lesson.finish()?;
    let summary = Summary::of(&outcome);
    print!("{}", report::table::summary(&summary));
    if let Some(publisher) = &outcome.publisher {
        let times: Vec<String> = publisher
            .keyframe_requests_ms
            .iter()
            .map(|at| format!("{at:.0}"))
            .collect();
        println!("{:<18} {} ms", "requested at", times.join(" "));
    }
    if let Some(path) = &args.json {
        write_json(path, &summary)?;
    }
    match summary.shortfall() {
        Some(why) => bail!("{why}"),
        None => Ok(()),
    }
}

/// The relay's executable: as told, or beside this one.
fn relay(told: Option<&Path>, own: &Path) -> PathBuf {
    told.map_or_else(|| own.with_file_name("lectern"), Path::to_owned)
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
