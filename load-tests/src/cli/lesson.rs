//! `lectern-load lesson`.

use std::time::Duration;

use anyhow::bail;

use super::LessonArgs;
use crate::lesson::{Lesson, Plan};
use crate::publisher::Source;
use crate::report;
use crate::summary::Summary;

/// Plays the lesson and reports. An error when it was not served whole.
pub fn run(args: &LessonArgs) -> anyhow::Result<()> {
    let source = match &args.clip {
        Some(path) => Source::clip(path)?,
        None => Source::synthetic(args.shape.mbit),
    };
    let plan = Plan {
        whip: args.whip.clone(),
        whep: args.whep.clone(),
        token: args.token.clone(),
        insecure: args.insecure,
        viewers: args.shape.viewers as usize,
        videos: usize::from(args.videos),
        audios: usize::from(args.audios),
        join_within: args.shape.join_within,
        srtp: args.shape.srtp,
        pacing: args.shape.pattern,
        mbit: args.shape.mbit,
    };
    let mut lesson = Lesson::start(plan, source)?;
    println!("{}", report::table::HEADER);
    let show = |second: &_| println!("{}", report::table::row(second));
    lesson.join(show)?;
    lesson.run(Duration::from_secs_f64(args.seconds), show)?;
    let outcome = lesson.finish()?;
    let summary = Summary::of(&outcome);
    print!("\n{}", report::table::summary(&summary));
    for failure in outcome.failures.iter().take(5) {
        eprintln!("{failure}");
    }
    if let Some(path) = &args.json {
        report::json::write(path, &outcome, &summary)?;
    }
    if let Some(path) = &args.html {
        report::html::write(path, &outcome, &summary)?;
    }
    match summary.shortfall() {
        Some(why) => bail!("{why}"),
        None => Ok(()),
    }
}
