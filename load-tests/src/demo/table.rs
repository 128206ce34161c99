//! The live table.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use super::standing::Standing;

/// Lines above and below the rooms, and the one that a terminal needs for its cursor.
const FRAME: usize = 5;

const HEADER: &str = "  room           connected   Mbit/s    lost  jitter  delay p50     p99  first picture  decoded";

/// Shows how the rooms stand: written over in place on a terminal, else a line for every second.
#[derive(Debug)]
pub struct Table {
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// A terminal of so many lines, of which the table has taken some.
    Terminal { lines: usize, drawn: usize },
    /// A file or a pipe.
    Log,
}

impl Table {
    /// A table on standard output; `lines` is the height of the terminal, if it is known.
    pub fn new(lines: Option<usize>) -> Self {
        let place = match lines {
            Some(lines) if io::stdout().is_terminal() => Place::Terminal { lines, drawn: 0 },
            _ => Place::Log,
        };
        Self { place }
    }

    /// Shows the rooms after `elapsed`.
    pub fn show(&mut self, elapsed: Duration, rooms: &[Standing]) -> io::Result<()> {
        let mut output = io::stdout().lock();
        match &mut self.place {
            Place::Log => writeln!(output, "{}", line(elapsed, rooms))?,
            Place::Terminal { lines, drawn } => {
                if *drawn > 0 {
                    // Back to the table's first line, and clear what is below.
                    write!(output, "\x1b[{drawn}A\x1b[J")?;
                }
                let text = table(elapsed, rooms, lines.saturating_sub(FRAME).max(1));
                *drawn = text.lines().count();
                write!(output, "{text}")?;
            }
        }
        output.flush()
    }

    /// Shows all rooms for the last time.
    pub fn finish(&mut self, elapsed: Duration, rooms: &[Standing]) -> io::Result<()> {
        let mut output = io::stdout().lock();
        if let Place::Terminal { drawn, .. } = self.place
            && drawn > 0
        {
            write!(output, "\x1b[{drawn}A\x1b[J")?;
        }
        write!(output, "{}", table(elapsed, rooms, rooms.len()))?;
        output.flush()
    }
}

/// Everything in one line.
fn line(elapsed: Duration, rooms: &[Standing]) -> String {
    let connected = rooms.iter().filter(|room| room.connected).count();
    let mbit: f64 = rooms.iter().map(|room| room.mbit).sum();
    let packets: u64 = rooms.iter().map(|room| room.packets_expected).sum();
    let lost: u64 = rooms.iter().map(|room| room.packets_lost).sum();
    format!(
        "{:5.0} s   {connected} of {} rooms   {mbit:.1} Mbit/s   {packets} packets, {lost} lost",
        elapsed.as_secs_f64(),
        rooms.len()
    )
}

/// At most `most` rooms: those beyond are counted.
fn table(elapsed: Duration, rooms: &[Standing], most: usize) -> String {
    let shown = if rooms.len() <= most {
        rooms.len()
    } else {
        most.saturating_sub(1)
    };
    let mut text = format!("{}\n\n{HEADER}\n", line(elapsed, rooms));
    for (index, room) in rooms.iter().take(shown).enumerate() {
        text += &row(index + 1, room);
        text.push('\n');
    }
    if shown < rooms.len() {
        text += &format!(
            "  … and {} more, which this window has no lines for\n",
            rooms.len() - shown
        );
    }
    text
}

fn row(number: usize, room: &Standing) -> String {
    let part = if room.frames_decoded.is_some() {
        "decodes"
    } else {
        ""
    };
    let connected = if room.connected { "yes" } else { "no" };
    let (p50, p99) = match room.delay_ms {
        Some((p50, p99)) => (format!("{p50:.1} ms"), format!("{p99:.1} ms")),
        None => ("–".to_owned(), "–".to_owned()),
    };
    let first = room
        .first_picture_ms
        .map_or_else(|| "–".to_owned(), |first| format!("{first:.0} ms"));
    let decoded = room
        .frames_decoded
        .map(|frames| frames.to_string())
        .unwrap_or_default();
    format!(
        "  {number:4}  {part:8} {connected:>9} {:8.2} {:7} {:4.1} ms {p50:>10} {p99:>7} {first:>14} {decoded:>8}",
        room.mbit, room.packets_lost, room.jitter_ms,
    )
    .trim_end()
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rooms(count: usize) -> Vec<Standing> {
        let room = Standing {
            connected: true,
            mbit: 20.0,
            packets_expected: 10,
            ..Standing::default()
        };
        vec![room; count]
    }

    #[test]
    fn sums_up_in_a_line() {
        let mut rooms = rooms(3);
        rooms[2].connected = false;
        rooms[2].packets_lost = 4;
        let line = line(Duration::from_secs(7), &rooms);
        assert_eq!(
            line,
            "    7 s   2 of 3 rooms   60.0 Mbit/s   30 packets, 4 lost"
        );
    }

    #[test]
    fn a_low_window_gets_fewer_rooms() {
        let text = |most| table(Duration::ZERO, &rooms(29), most);
        assert_eq!(text(29).lines().count(), 3 + 29);
        assert_eq!(text(10).lines().count(), 3 + 10);
        assert!(text(10).ends_with("… and 20 more, which this window has no lines for\n"));
    }

    #[test]
    fn the_columns_stand_below_their_names() {
        let room = Standing {
            connected: true,
            mbit: 20.134,
            packets_lost: 12,
            jitter_ms: 1.25,
            delay_ms: Some((1.5, 12.25)),
            first_picture_ms: Some(312.0),
            frames_decoded: Some(1800),
            ..Standing::default()
        };
        let row = row(3, &room);
        for (value, name) in [
            ("yes", "connected"),
            ("20.13", "Mbit/s"),
            ("12", "lost"),
            ("312 ms", "first picture"),
            ("1800", "decoded"),
        ] {
            let end = |text: &str, part: &str| {
                let at = text.find(part).unwrap();
                text[..at].chars().count() + part.chars().count()
            };
            assert_eq!(
                end(&row, value),
                end(HEADER, name),
                "{name}\n{HEADER}\n{row}"
            );
        }
    }
}
