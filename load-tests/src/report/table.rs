//! The live table.

use std::fmt::Write;

use crate::summary::{Spread, Summary};
use crate::viewer::{Percentiles, Sample};

/// Above the rows.
pub const HEADER: &str =
    "   time  connected  watching   Mbit/s     packets  missing  asked  delay p50    p99  p99.9 ms";

/// One second.
pub fn row(second: &Sample) -> String {
    let delay = second.delay_ms.map_or_else(String::new, |delay| {
        format!("{:9.2} {:6.2} {:6.2}", delay.p50, delay.p99, delay.p999)
    });
    format!(
        "{:6.1}s {:10} {:9} {:8.1} {:11} {:8} {:6}  {delay}",
        second.at_s,
        second.connected,
        second.watching,
        second.mbit_per_s,
        second.packets,
        second.packets_missing,
        second.nacks,
    )
}

/// The end of the story.
pub fn summary(summary: &Summary) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        writeln!(text, "{name:<18} {value}").expect("writing to a string cannot fail");
    };
    line(
        "viewers",
        format!(
            "{} asked, {} connected, {} saw a picture",
            summary.viewers, summary.viewers_connected, summary.viewers_watching
        ),
    );
    line(
        "packets",
        format!(
            "{} expected, {} lost, {} twice, {} asked for again",
            summary.packets_expected, summary.packets_lost, summary.duplicates, summary.nacks
        ),
    );
    line(
        "authenticity",
        format!(
            "{} sampled, {} forged",
            summary.authenticated, summary.auth_failures
        ),
    );
    line(
        "rate",
        format!("{:.2} Mbit/s per viewer", summary.mbit_per_viewer),
    );
    line("joined", spread(summary.join_ms));
    line("first picture", spread(summary.first_picture_ms));
    line("delay", percentiles(summary.delay_ms));
    line("gaps", percentiles(summary.gap_ms));
    line("jitter", spread(summary.jitter_ms));
    let spacing = summary
        .keyframe_request_spacing_ms
        .map_or_else(String::new, |shortest| {
            format!(", at least {shortest:.0} ms apart")
        });
    line(
        "keyframe requests",
        format!("{}{spacing}", summary.keyframe_requests),
    );
    text
}

fn spread(spread: Option<Spread>) -> String {
    spread.map_or_else(
        || "–".to_owned(),
        |spread| {
            format!(
                "p50 {:.1}  p95 {:.1}  max {:.1} ms",
                spread.p50, spread.p95, spread.max
            )
        },
    )
}

fn percentiles(percentiles: Option<Percentiles>) -> String {
    percentiles.map_or_else(
        || "–".to_owned(),
        |found| {
            format!(
                "p50 {:.2}  p95 {:.2}  p99 {:.2}  p99.9 {:.2}  max {:.2} ms",
                found.p50, found.p95, found.p99, found.p999, found.max
            )
        },
    )
}
