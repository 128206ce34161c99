//! One self-contained page with plots; nothing in it is fetched from anywhere.

use std::fmt::Write;
use std::path::Path;

use super::plot::{Mark, Plot, Series};
use super::table;
use crate::lesson::Outcome;
use crate::summary::Summary;
use crate::viewer::{Percentiles, ViewerReport, histogram};

const STYLE: &str = include_str!("page.css");

/// Writes the page.
pub fn write(path: &Path, outcome: &Outcome, summary: &Summary) -> std::io::Result<()> {
    std::fs::write(path, page(outcome, summary))
}

fn page(outcome: &Outcome, summary: &Summary) -> String {
    let verdict = summary.shortfall().map_or_else(
        || "<p class=\"good\">Every viewer was served without loss.</p>".to_owned(),
        |why| format!("<p class=\"bad\">{}</p>", escape(&why)),
    );
    let plots: String = plots(outcome).iter().map(Plot::to_html).collect();
    let mut failures = String::new();
    for failure in &outcome.failures {
        let _ = write!(failures, "<li>{}</li>", escape(failure));
    }
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Lesson report</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head><body>\
         <h1>Lesson report</h1>{verdict}<pre>{}</pre><ul>{failures}</ul><div class=\"plots\">{plots}</div>\
         <h2>Viewers</h2>{}</body></html>\n",
        escape(&table::summary(summary)),
        viewers(&outcome.viewers),
    )
}

fn plots(outcome: &Outcome) -> Vec<Plot> {
    let over_time = |value: &dyn Fn(&crate::viewer::Sample) -> Option<f64>| {
        outcome
            .seconds
            .iter()
            .filter_map(|second| Some((second.at_s, value(second)?)))
            .collect()
    };
    let delay = |name, pick: fn(Percentiles) -> f64| Series {
        name,
        mark: Mark::Line,
        points: over_time(&|second| second.delay_ms.map(pick)),
    };
    let line = |name, points| Series {
        name,
        mark: Mark::Line,
        points,
    };
    let dots = |name, points| Series {
        name,
        mark: Mark::Dot,
        points,
    };
    let per_viewer = |value: fn(&ViewerReport) -> Option<f64>| {
        let viewers = outcome.viewers.iter();
        viewers
            .filter_map(|viewer| Some((viewer.viewer as f64, value(viewer)?)))
            .collect()
    };
    let requests = outcome
        .publishers
        .iter()
        .flat_map(|publisher| &publisher.keyframe_requests_ms);
    vec![
        Plot {
            title: "Received by all viewers",
            x: "seconds",
            y: "Mbit/s",
            series: vec![line("rate", over_time(&|second| Some(second.mbit_per_s)))],
        },
        Plot {
            title: "One-way delay",
            x: "seconds",
            y: "ms",
            series: vec![
                delay("p50", |delay| delay.p50),
                delay("p99", |delay| delay.p99),
                delay("p99.9", |delay| delay.p999),
            ],
        },
        Plot {
            title: "Share of packets within a delay",
            x: "ms (up to the 99.9th percentile)",
            y: "per cent",
            series: vec![line("share", distribution(&outcome.viewers))],
        },
        Plot {
            title: "Join",
            x: "viewer",
            y: "ms",
            series: vec![
                dots("connected", per_viewer(|viewer| viewer.join_ms)),
                dots(
                    "first picture",
                    per_viewer(|viewer| viewer.first_picture_ms),
                ),
            ],
        },
        Plot {
            title: "Packets missing, repairs under way included",
            x: "seconds",
            y: "packets",
            series: vec![line(
                "missing",
                over_time(&|second| Some(second.packets_missing as f64)),
            )],
        },
        Plot {
            title: "Keyframe requests at the publisher",
            x: "seconds",
            y: "count",
            series: vec![dots(
                "requests",
                requests
                    .enumerate()
                    .map(|(index, at)| (at / 1000.0, index as f64 + 1.0))
                    .collect(),
            )],
        },
    ]
}

fn distribution(viewers: &[ViewerReport]) -> Vec<(f64, f64)> {
    let mut delay = histogram();
    for viewer in viewers {
        delay.add(&viewer.delay).expect("the bounds are the same");
    }
    if delay.is_empty() {
        return Vec::new();
    }
    (0..=999)
        .step_by(3)
        .map(|mille| {
            let share = f64::from(mille) / 1000.0;
            (
                delay.value_at_quantile(share) as f64 / 1000.0,
                share * 100.0,
            )
        })
        .collect()
}

fn viewers(viewers: &[ViewerReport]) -> String {
    let mut rows = String::new();
    for viewer in viewers {
        let millis = |value: Option<f64>| {
            value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1}"))
        };
        let delay = |pick: fn(Percentiles) -> f64| millis(viewer.delay_ms.map(pick));
        let cells = [
            viewer.viewer.to_string(),
            millis(viewer.join_ms),
            millis(viewer.first_picture_ms),
            format!("{:.1}", viewer.bytes as f64 / 1e6),
            viewer.packets_expected.to_string(),
            viewer.packets_lost.to_string(),
            viewer.duplicates.to_string(),
            viewer.nacks.to_string(),
            format!("{:.2}", viewer.jitter_ms),
            delay(|delay| delay.p50),
            delay(|delay| delay.p99),
            delay(|delay| delay.p999),
            millis(viewer.gap_ms.map(|gap| gap.max)),
            viewer.auth_failures.to_string(),
            viewer.failure.as_deref().map_or_else(String::new, escape),
        ];
        let _ = write!(rows, "<tr><td>{}</td></tr>", cells.join("</td><td>"));
    }
    let heads = [
        "viewer",
        "joined ms",
        "picture ms",
        "MB",
        "packets",
        "lost",
        "twice",
        "asked",
        "jitter ms",
        "delay p50",
        "p99",
        "p99.9",
        "longest gap",
        "forged",
        "failure",
    ];
    format!(
        "<table><thead><tr><th>{}</th></tr></thead><tbody>{rows}</tbody></table>",
        heads.join("</th><th>")
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_needs_nothing_from_elsewhere() {
        let outcome = Outcome {
            publishers: Vec::new(),
            viewers: Vec::new(),
            wanted: 1,
            failures: vec!["viewer 0: <b>".to_owned()],
            seconds: Vec::new(),
        };
        let page = page(&outcome, &Summary::of(&outcome));
        assert!(page.contains("viewer 0: &lt;b&gt;"));
        assert!(page.contains("0 of 1 viewers were connected"));
        assert!(!page.contains("://"), "an address of another host");
    }
}
