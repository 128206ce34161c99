//! JSON lines: one object a line, told apart by `kind`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize;

use crate::lesson::Outcome;
use crate::summary::Summary;

#[derive(Serialize)]
struct Line<'a, T> {
    kind: &'static str,
    #[serde(flatten)]
    body: &'a T,
}

/// Writes every second, every viewer, the publisher and the summary, in this order.
pub fn write(path: &Path, outcome: &Outcome, summary: &Summary) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    for body in &outcome.seconds {
        line(
            &mut out,
            &Line {
                kind: "second",
                body,
            },
        )?;
    }
    for body in &outcome.viewers {
        line(
            &mut out,
            &Line {
                kind: "viewer",
                body,
            },
        )?;
    }
    for body in &outcome.publishers {
        line(
            &mut out,
            &Line {
                kind: "publisher",
                body,
            },
        )?;
    }
    line(
        &mut out,
        &Line {
            kind: "summary",
            body: summary,
        },
    )?;
    out.flush()
}

fn line(out: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}
