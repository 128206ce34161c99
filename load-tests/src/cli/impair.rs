//! `lectern-load impair` and `lectern-load bench-impair`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{Offering, positive, relay, write_json};
use crate::impair::{Impair, Show, SourceVerdict, Verdict};
use crate::link::Profile;
use crate::publisher::Pacing;

/// What is played on every line.
#[derive(Debug, Clone, Args)]
pub struct Scene {
    /// Seconds to measure; by default what the profile says.
    #[arg(long, value_parser = positive)]
    pub seconds: Option<f64>,
    /// Rooms on clean lines.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub clean: u32,
    /// Publish a camera in one layer of so many Mbit/s, instead of camera and courseware in layers.
    #[arg(long, value_parser = positive)]
    pub plain: Option<f64>,
    /// How the publishers send.
    #[arg(long, value_enum, default_value = "paced")]
    pub pattern: Pacing,
    /// What the rooms offer.
    #[command(flatten)]
    pub offer: Offering,
    /// The same seed loses the same packets, as far as they come at the same times.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The relay's executable; by default `lectern` beside this one.
    #[arg(long)]
    pub relay: Option<PathBuf>,
    /// Write the result as JSON; `-` is standard output.
    #[arg(long)]
    pub json: Option<PathBuf>,
}

/// `lectern-load impair`.
#[derive(Debug, Args)]
pub struct ImpairArgs {
    /// The room's line: a name or a TOML file.
    #[arg(long)]
    pub profile: String,
    /// What is played.
    #[command(flatten)]
    pub scene: Scene,
}

/// `lectern-load bench-impair`.
#[derive(Debug, Args)]
pub struct BenchImpairArgs {
    /// The room's lines, one after the other: names or TOML files, or `all`.
    #[arg(long, default_value = "all", num_args = 1..)]
    pub profile: Vec<String>,
    /// What is played.
    #[command(flatten)]
    pub scene: Scene,
}

/// One line; its JSON is the verdict.
pub fn run(args: &ImpairArgs) -> anyhow::Result<()> {
    let verdict = play(Profile::load(&args.profile)?, &args.scene)?;
    println!("\n{HEADER}\n{}", row(&verdict));
    if let Some(path) = &args.scene.json {
        write_json(path, &verdict)?;
    }
    Ok(())
}

/// Many lines; their JSON is an object of verdicts by name.
pub fn bench(args: &BenchImpairArgs) -> anyhow::Result<()> {
    let names = args.profile.iter().flat_map(|name| match name.as_str() {
        "all" => Profile::names().collect(),
        name => vec![name],
    });
    // All are read before the first is played.
    let profiles = names.map(Profile::load).collect::<Result<Vec<_>, _>>()?;
    let mut verdicts = BTreeMap::new();
    let mut rows = Vec::new();
    for profile in profiles {
        let verdict = play(profile, &args.scene)?;
        rows.push(row(&verdict));
        verdicts.insert(verdict.profile.clone(), verdict);
    }
    println!("\n{HEADER}\n{}", rows.join("\n"));
    if let Some(path) = &args.scene.json {
        write_json(path, &verdicts)?;
    }
    Ok(())
}

fn play(profile: Profile, scene: &Scene) -> anyhow::Result<Verdict> {
    let impair = Impair {
        profile,
        length: scene.seconds.map(Duration::from_secs_f64),
        clean_rooms: scene.clean as usize,
        show: match scene.plain {
            Some(mbit) => Show::Plain { mbit },
            None => Show::Layers,
        },
        pacing: scene.pattern,
        abilities: scene.offer.abilities(),
        seed: scene.seed,
        relay: relay(scene.relay.as_deref())?,
    };
    Ok(impair.run(|line| eprintln!("{line}"))?)
}

const HEADER: &str = "profile        freezes  ratio  longest  frames whole  concealed  delay p50    p95  repair  probes   down      up  clean: lost  p99  without";

/// A line of the table, and one for each source below it.
fn row(verdict: &Verdict) -> String {
    let clean = &verdict.clean_rooms;
    let delay = |delay: Option<f64>| delay.map_or("-".to_owned(), |delay| format!("{delay:.1}"));
    let seconds = |millis: Option<f64>| {
        millis.map_or("-".to_owned(), |millis| format!("{:.1} s", millis / 1000.0))
    };
    let mut row = format!(
        "{:14} {:7} {:5.2}% {:5.0} ms {:11.2} % {:8.2} % {:>10} {:>6} {:5.1} % {:5.1} % {:>6} {:>7} {:11} {:>6} {:>8}",
        verdict.profile,
        verdict.freeze_count,
        verdict.freeze_ratio * 100.0,
        verdict.longest_freeze_ms,
        verdict.frames_complete * 100.0,
        verdict.audio_concealed * 100.0,
        delay(verdict.delay_ms.map(|delay| delay.p50)),
        delay(verdict.delay_ms.map(|delay| delay.p95)),
        verdict.repair_overhead * 100.0,
        verdict.probe_overhead * 100.0,
        seconds(verdict.layer_down_ms),
        seconds(verdict.layer_up_ms),
        clean.packets_lost,
        delay(clean.delay_p99_ms),
        delay(clean.delay_p99_ms_without),
    );
    for source in &verdict.sources {
        row += &format!(
            "\n  {:12} {:7} {:5.2}% {:5.0} ms {:11.2} %  paused {:.1} s, layers {}",
            source.name,
            source.freeze_count,
            source.freeze_ratio * 100.0,
            source.longest_freeze_ms,
            source.frames_complete * 100.0,
            source.paused_ms / 1000.0,
            layers(source),
        );
    }
    row
}

/// `0 from 0.1 s, 2 from 11.4 s`.
fn layers(source: &SourceVerdict) -> String {
    let changes = source.layers.iter();
    let changes: Vec<String> = changes
        .map(|change| format!("{} from {:.1} s", change.layer, change.at_ms / 1000.0))
        .collect();
    match changes.is_empty() {
        true => "-".to_owned(),
        false => changes.join(", "),
    }
}
