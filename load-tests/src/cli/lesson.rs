//! `lectern-load lesson`.

use std::time::Duration;

use anyhow::bail;

use super::LessonArgs;
use crate::lesson::{Lesson, Plan, Publication};
use crate::publisher::{Programme, Source};
use crate::report;
use crate::summary::Summary;
use crate::viewer::Attention;

/// Plays the lesson and reports. An error when it was not served whole.
pub fn run(args: &LessonArgs) -> anyhow::Result<()> {
    let shape = &args.shape;
    let programme = match &args.clip {
        Some(path) => Programme::single(Source::clip(path)?, shape.mbit, shape.pattern),
        None if args.layers => Programme::camera(shape.pattern),
        None => Programme::single(Source::synthetic(shape.mbit), shape.mbit, shape.pattern),
    };
    let publication = args
        .whip
        .clone()
        .map(|whip| Publication { whip, programme });
    let plan = Plan {
        whep: args.whep.clone(),
        token: args.token.clone(),
        insecure: args.insecure,
        videos: usize::from(args.videos),
        audios: usize::from(args.audios),
        srtp: shape.srtp,
        abilities: shape.offer.abilities(),
        attention: Attention::Sample,
    };
    let mut lesson = Lesson::start(plan, publication.into_iter().collect())?;
    println!("{}", report::table::HEADER);
    let show = |second: &_| println!("{}", report::table::row(second));
    lesson.join(shape.viewers as usize, shape.join_within, show)?;
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
