//! Reports for people.

use super::{Report, SlotReport};

/// A report as a table.
pub fn table(report: &Report) -> String {
    let state = if report.connected {
        "connected"
    } else {
        "not connected"
    };
    let mut text = format!(
        "{:>6.0} s, {state}\n{:<16} {:>8} {:>6} {:>9} {:>9} {:>9} {:>10} {:>10} {:>12}",
        report.seconds,
        "slot",
        "Mbit/s",
        "lost",
        "jitter ms",
        "delay ms",
        "first ms",
        "frames",
        "decoded",
        "sound s/gaps"
    );
    if let Some(line) = &report.line {
        text.insert_str(0, &format!("{} ({})\n", line.sentence.zh, line.sentence.en));
    }
    for slot in &report.slots {
        text.push_str(&format!(
            "\n{:<16} {:>8.2} {:>6} {:>9.2} {:>9} {:>9} {:>10} {:>10} {:>12}",
            format!("{} {}", slot.slot, slot.kind),
            slot.mbit,
            slot.packets_lost,
            slot.jitter_ms,
            or_dash(slot.delay_ms.map(|delay| delay.p50)),
            or_dash(slot.first_picture_ms),
            slot.frames_received,
            if slot.kind == "video" {
                slot.frames_decoded.to_string()
            } else {
                "–".into()
            },
            if slot.kind == "audio" {
                sound(slot)
            } else {
                "–".into()
            },
        ));
    }
    text
}

/// A slot's report as a few words to lay over its picture.
pub fn overlay(slot: &SlotReport) -> String {
    format!(
        "{}  {:.1} Mbit/s  lost {}  jitter {:.1} ms  delay {} ms  {} frames",
        slot.slot,
        slot.mbit,
        slot.packets_lost,
        slot.jitter_ms,
        or_dash(slot.delay_ms.map(|delay| delay.p50)),
        slot.frames_decoded
    )
}

fn sound(slot: &SlotReport) -> String {
    format!(
        "{:.1}/{}",
        slot.audio_ms_decoded as f64 / 1e3,
        slot.audio_gaps
    )
}

fn or_dash(value: Option<f64>) -> String {
    value.map_or_else(|| "–".into(), |value| format!("{value:.1}"))
}
