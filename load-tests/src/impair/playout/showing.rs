//! One video as a room saw it: freezes, pauses, layers.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::source::Frame;

/// A picture that stands for longer is frozen, at thirty frames a second.
const FREEZE: Duration = Duration::from_millis(200);
/// Slower sources are frozen after twice the time between their frames, and this.
const MARGIN: Duration = Duration::from_millis(100);
/// The slowest source there is: five frames a second.
const SLOWEST: Duration = Duration::from_millis(200);
/// A source of which nothing is sent for longer, while others are, is paused. Whatever ends sooner, nobody took for a decision.
const PAUSE: Duration = Duration::from_secs(3);
/// While something is sent, something is sent so often.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// What a room saw of one source.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Showing {
    /// Its slot's name.
    pub name: String,
    /// Frames that were sent.
    pub frames: usize,
    /// Those that became whole in time.
    pub frames_complete: usize,
    /// Gaps between shown frames beyond 200 ms, or beyond twice the time between frames and 100 ms where that is more: courseware
    /// at five frames a second freezes after 500 ms. Without what is paused.
    pub freezes: usize,
    /// The sum of those gaps.
    pub frozen: Duration,
    /// The longest of them.
    pub longest_freeze: Duration,
    /// How long nothing of it was sent for more than three seconds at a time, while other media were: the relay chose to.
    pub paused: Duration,
    /// Which layer was shown from when on.
    pub layers: Vec<LayerChange>,
}

/// The first whole frame of a layer after one of another.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LayerChange {
    /// From the beginning, in milliseconds.
    pub at_ms: f64,
    /// 0 is the best.
    pub layer: u8,
}

impl Showing {
    /// `others` are the times at which anything was sent to the room, in their order.
    pub(super) fn of(
        name: String,
        frames: &[Frame],
        others: &[Instant],
        begin: Instant,
        end: Instant,
    ) -> Self {
        let pauses = pauses(frames, others, begin, end);
        let mut showing = Self {
            name,
            frames: frames.len(),
            frames_complete: frames.iter().filter_map(|frame| frame.whole).count(),
            paused: pauses.iter().map(|(from, to)| *to - *from).sum(),
            ..Self::default()
        };
        let mut shown = begin;
        let mut interval = interval_before(frames, 1);
        for (at, frame) in frames.iter().enumerate() {
            let Some(whole) = frame.whole else { continue };
            let next = interval_before(frames, at);
            showing.gap(shown, whole, interval.max(next), &pauses);
            shown = shown.max(whole);
            interval = interval_before(frames, at + 1);
            let before = showing.layers.last().map(|change| change.layer);
            if let Some(layer) = frame.layer.filter(|layer| before != Some(*layer)) {
                let at_ms = shown.saturating_duration_since(begin).as_secs_f64() * 1000.0;
                showing.layers.push(LayerChange { at_ms, layer });
            }
        }
        showing.gap(shown, end, interval, &pauses);
        showing
    }

    /// From the shown layer at a time, in milliseconds, to the first that `wanted` says yes to. Zero when that was shown already.
    pub fn time_to(&self, from_ms: f64, wanted: impl Fn(u8) -> bool) -> Option<f64> {
        let later = self
            .layers
            .partition_point(|change| change.at_ms <= from_ms);
        let (before, after) = self.layers.split_at(later);
        match before.last() {
            Some(change) if wanted(change.layer) => Some(0.0),
            _ => after
                .iter()
                .find(|change| wanted(change.layer))
                .map(|change| change.at_ms - from_ms),
        }
    }

    fn gap(
        &mut self,
        from: Instant,
        to: Instant,
        interval: Duration,
        pauses: &[(Instant, Instant)],
    ) {
        let paused = |(begin, end): &(Instant, Instant)| {
            (*end).min(to).saturating_duration_since((*begin).max(from))
        };
        let paused: Duration = pauses.iter().map(paused).sum();
        let gap = to.saturating_duration_since(from).saturating_sub(paused);
        if gap > FREEZE.max(2 * interval + MARGIN) {
            self.freezes += 1;
            self.frozen += gap;
            self.longest_freeze = self.longest_freeze.max(gap);
        }
    }
}

/// What the source's own clock says about the time between a frame and the one sent before.
fn interval_before(frames: &[Frame], at: usize) -> Duration {
    let pair = at
        .checked_sub(1)
        .and_then(|before| Some((frames.get(before)?, frames.get(at)?)));
    let ticks = pair.map_or(0, |(before, frame)| frame.timestamp - before.timestamp);
    let micros = u64::try_from(ticks).unwrap_or(0) * 1000 / 90;
    Duration::from_micros(micros).min(SLOWEST)
}

fn pauses(
    frames: &[Frame],
    others: &[Instant],
    begin: Instant,
    end: Instant,
) -> Vec<(Instant, Instant)> {
    let entered = frames.iter().map(|frame| frame.entered);
    let mut from = begin;
    let mut pauses = Vec::new();
    for to in entered.chain([end]) {
        if to.saturating_duration_since(from) > PAUSE && go_on(others, from, to) {
            pauses.push((from, to));
        }
        from = to;
    }
    pauses
}

/// Whether something was sent at least once a second between the two times.
fn go_on(others: &[Instant], from: Instant, to: Instant) -> bool {
    // What ends the pause does not count, nor does the rest of the frame that came before it.
    let inside = from + SIGN_OF_LIFE / 10..to - SIGN_OF_LIFE / 10;
    let first = others.partition_point(|at| *at < inside.start);
    let within = others[first..].iter().take_while(|at| **at < inside.end);
    let mut last = from;
    for at in within.copied().chain([to]) {
        if at.saturating_duration_since(last) > SIGN_OF_LIFE {
            return false;
        }
        last = at;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Frames of so many milliseconds each that travel 20 ms.
    fn frames(begin: Instant, every: u32, numbers: impl Iterator<Item = u32>) -> Vec<Frame> {
        let frame = |number: u32| Frame {
            entered: begin + MS * every * number,
            timestamp: i64::from(number * every * 90),
            whole: Some(begin + MS * (every * number + 20)),
            layer: Some(if number < 20 { 0 } else { 2 }),
        };
        numbers.map(frame).collect()
    }

    fn sound(begin: Instant, length: u32) -> Vec<Instant> {
        (0..length).step_by(20).map(|at| begin + MS * at).collect()
    }

    #[test]
    fn a_slow_source_has_more_time() {
        let begin = Instant::now();
        let sound = sound(begin, 10_000);
        let show = |frames: &[Frame]| {
            Showing::of("x".to_owned(), frames, &sound, begin, begin + 10_000 * MS)
        };
        let mut slow = frames(begin, 200, 0..50);
        assert_eq!(show(&slow).freezes, 0);
        slow[7].whole = None;
        assert_eq!(show(&slow).freezes, 0);
        slow[8].whole = None;
        let shown = show(&slow);
        assert_eq!((shown.freezes, shown.longest_freeze), (1, 600 * MS));
        assert_eq!((shown.frames, shown.frames_complete), (50, 48));
    }

    #[test]
    fn what_is_not_sent_while_others_are_is_paused() {
        let begin = Instant::now();
        let end = begin + 5000 * MS;
        let shown = |others: &[Instant]| {
            let frames = frames(begin, 50, (0..20).chain(90..100));
            Showing::of("x".to_owned(), &frames, others, begin, end)
        };
        let alone = shown(&[]);
        assert_eq!((alone.paused, alone.freezes), (Duration::ZERO, 1));
        assert_eq!(alone.longest_freeze, 3550 * MS);
        let paused = shown(&sound(begin, 5000));
        assert_eq!((paused.paused, paused.freezes), (3550 * MS, 0));
        let mut cut = sound(begin, 5000);
        cut.retain(|at| !(begin + 1500 * MS..begin + 3000 * MS).contains(at));
        assert_eq!(shown(&cut).freezes, 1, "nothing at all was sent");
    }

    #[test]
    fn layers_are_told_from_their_first_whole_frame() {
        let begin = Instant::now();
        let frames = frames(begin, 50, 0..40);
        let shown = Showing::of("x".to_owned(), &frames, &[], begin, begin + 2000 * MS);
        let change = |at_ms, layer| LayerChange { at_ms, layer };
        assert_eq!(shown.layers, [change(20.0, 0), change(1020.0, 2)]);
        assert_eq!(shown.time_to(700.0, |layer| layer > 0), Some(320.0));
        assert_eq!(shown.time_to(1500.0, |layer| layer > 0), Some(0.0));
        assert_eq!(shown.time_to(1500.0, |layer| layer == 0), None);
    }
}
