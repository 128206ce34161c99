//! When received pictures and sound are due on screen and loudspeaker.
//!
//! Everything is in signed nanoseconds. *Capture time* is the publisher's wall clock; *local time* is the monotonic clock since
//! the start of watching. The two clocks need not agree: only differences count.

const MS: i64 = 1_000_000;

/// Time between arrival and playing on a line without jitter: a decoder and a sound card's buffer have to fit in.
/// A decoder that takes longer shows its pictures late: sound, which plays in step, is not broken up for that.
const LEAST_LEAD: i64 = 100 * MS;

/// More than this is not waited for: what comes later is played late.
const MOST_LEAD: i64 = 500 * MS;

/// Added beyond what was needed, so that the same again is not late again.
const SPARE: i64 = 20 * MS;

/// A clock that was set, or a publisher on another machine.
const JUMP: i64 = 2_000 * MS;

/// How long the lead is watched before some of it is given back, and how much at a time: less than anybody hears.
const WINDOW: i64 = 10_000 * MS;
const STEP_BACK: i64 = 5 * MS;

/// How long a newcomer is sent what was kept for it: pictures from the latest keyframe on, faster than they were taken. That they are
/// old says nothing about the line.
const CATCHING_UP: i64 = 1_000 * MS;

/// Decides when what one publication sends is played. Pictures and sound of a publication share one, which keeps lips in sync.
#[derive(Debug, Default)]
pub struct Playout {
    state: Option<State>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    /// Local time of playing minus capture time.
    offset: i64,
    /// Local time of the first arrival.
    began: i64,
    /// Smallest lead of the current window: how much earlier than needed everything came.
    least_lead: i64,
    window_end: i64,
    /// Smallest transit (arrival minus capture time) of this and the last window: what the line takes without queues.
    least_transit: i64,
    next_transit: i64,
}

impl Playout {
    /// When to play what was captured at `captured` and arrived at `arrived`.
    pub fn schedule(&mut self, captured: i64, arrived: i64) -> i64 {
        let transit = arrived - captured;
        let state = self
            .state
            .filter(|state| (state.offset - transit).abs() < JUMP)
            .unwrap_or_else(|| State::new(transit, arrived));
        let state = self.state.insert(state.with(transit, arrived));
        captured + state.offset
    }
}

impl State {
    fn new(transit: i64, arrived: i64) -> Self {
        Self {
            offset: transit + LEAST_LEAD,
            began: arrived,
            least_lead: LEAST_LEAD,
            window_end: arrived + WINDOW,
            least_transit: transit,
            next_transit: transit,
        }
    }

    fn with(mut self, transit: i64, arrived: i64) -> Self {
        self.least_transit = self.least_transit.min(transit);
        self.next_transit = self.next_transit.min(transit);
        if arrived < self.began + CATCHING_UP {
            self.offset = self.least_transit + LEAST_LEAD;
            return self;
        }
        let lead = self.offset - transit;
        self.least_lead = self.least_lead.min(lead);
        if lead < LEAST_LEAD - SPARE {
            self.widen(LEAST_LEAD - lead);
        }
        if arrived >= self.window_end {
            if self.least_lead > LEAST_LEAD + SPARE {
                self.offset -= STEP_BACK;
            }
            self.least_lead = i64::MAX;
            self.window_end = arrived + WINDOW;
            self.least_transit = self.next_transit;
            self.next_transit = transit;
        }
        self
    }

    fn widen(&mut self, by: i64) {
        let most = self.least_transit + MOST_LEAD;
        self.offset = (self.offset + by + SPARE).min(most.max(self.offset));
    }
}

/// The capture times of a slot, made even: from RTP timestamps, corrected when the publisher's clock says something else.
#[derive(Debug, Default)]
pub struct MediaClock {
    last: Option<Ticks>,
}

#[derive(Debug, Clone, Copy)]
struct Ticks {
    rtp: u32,
    /// RTP time without wrapping, nanoseconds.
    media: i64,
    /// Capture time minus media time.
    anchor: i64,
}

/// Sender reports and header extensions differ by this much without meaning anything.
const ANCHOR_TOLERANCE: i64 = 15 * MS;

impl MediaClock {
    /// The capture time of a frame, by its RTP timestamp, its stated capture time if any, and its arrival.
    pub fn captured(&mut self, rtp: u32, rate: u32, stated: Option<i64>, arrived: i64) -> i64 {
        let (media, anchor) = match self.last {
            Some(last) => {
                // RFC 3550 §5.1: timestamps wrap, and video frames may come in decoding order, so the step is signed.
                let ticks = i64::from(rtp.wrapping_sub(last.rtp).cast_signed());
                (
                    last.media + ticks * 1_000_000_000 / i64::from(rate),
                    last.anchor,
                )
            }
            None => (0, stated.unwrap_or(arrived)),
        };
        let wanted = match stated {
            Some(stated) => stated - media,
            // Nothing is known but the arrival: follow only when it contradicts by far.
            None if (arrived - media - anchor).abs() > JUMP && self.last.is_some() => {
                arrived - media
            }
            None => anchor,
        };
        let anchor = if (wanted - anchor).abs() > ANCHOR_TOLERANCE {
            wanted
        } else {
            anchor
        };
        self.last = Some(Ticks { rtp, media, anchor });
        media + anchor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_for_a_newcomer_delays_nothing() {
        let mut playout = Playout::default();
        for step in 0..20 {
            let arrived = step * 10 * MS;
            let sound = playout.schedule(arrived - 5 * MS, arrived);
            assert_eq!(sound - arrived, LEAST_LEAD);
            let old_picture = playout.schedule(arrived - (800 - 40 * step) * MS, arrived);
            assert!(old_picture - arrived <= LEAST_LEAD);
        }
    }

    #[test]
    fn an_even_line_is_played_evenly() {
        let mut playout = Playout::default();
        for frame in 0..1_000 {
            let captured = 1_000_000 * MS + frame * 33 * MS;
            assert_eq!(
                playout.schedule(captured, frame * 33 * MS),
                frame * 33 * MS + LEAST_LEAD
            );
        }
    }

    #[test]
    fn a_late_arrival_widens_the_lead_once() {
        let mut playout = Playout::default();
        playout.schedule(0, 10 * MS);
        let at = CATCHING_UP + 33 * MS;
        let late = playout.schedule(at, at + 150 * MS);
        assert!(late >= at + 150 * MS + LEAST_LEAD, "it is still in time");
        let next = playout.schedule(at + 33 * MS, at + 33 * MS + 150 * MS);
        assert_eq!(next - late, 33 * MS);
    }

    #[test]
    fn the_lead_is_bounded() {
        let mut playout = Playout::default();
        playout.schedule(0, 0);
        for frame in 1..50 {
            let captured = frame * 33 * MS;
            let played = playout.schedule(captured, captured + 1_500 * MS);
            assert!(played <= captured + MOST_LEAD);
        }
    }

    #[test]
    fn the_lead_shrinks_again_on_a_quiet_line() {
        let mut playout = Playout::default();
        playout.schedule(0, 0);
        let at = CATCHING_UP;
        playout.schedule(at + 33 * MS, at + 233 * MS);
        let wide = playout.schedule(at + 66 * MS, at + 66 * MS) - at - 66 * MS;
        let mut lead = wide;
        for frame in 3..100_000 {
            let captured = at + frame * 33 * MS;
            lead = playout.schedule(captured, captured) - captured;
        }
        assert!(
            lead < wide && lead <= LEAST_LEAD + SPARE + STEP_BACK,
            "{lead}"
        );
    }

    #[test]
    fn a_clock_that_is_set_starts_anew() {
        let mut playout = Playout::default();
        playout.schedule(0, 0);
        let played = playout.schedule(3_600_000 * MS, 33 * MS);
        assert_eq!(played, 33 * MS + LEAST_LEAD);
    }

    #[test]
    fn rtp_time_is_even_where_stated_times_are_not() {
        let mut clock = MediaClock::default();
        for packet in 0..1_000i64 {
            let rtp = u32::MAX
                .wrapping_sub(48_000)
                .wrapping_add(packet as u32 * 960);
            let wobble = (packet % 7) * MS;
            let captured = clock.captured(rtp, 48_000, Some(packet * 20 * MS + wobble), 0);
            assert_eq!(captured, packet * 20 * MS);
        }
    }

    #[test]
    fn a_publisher_that_comes_back_is_followed() {
        let mut clock = MediaClock::default();
        clock.captured(1_000, 90_000, Some(0), 0);
        assert_eq!(
            clock.captured(900_000_000, 90_000, Some(5_000 * MS), 0),
            5_000 * MS
        );
        let mut unstated = MediaClock::default();
        unstated.captured(1_000, 90_000, None, 0);
        assert_eq!(
            unstated.captured(900_000_000, 90_000, None, 5_000 * MS),
            5_000 * MS
        );
    }
}
