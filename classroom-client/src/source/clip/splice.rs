//! Laying passes of a clip end to end.
//!
//! A pass is as long as its pictures. Sound rarely is: its packets stand on a grid of their own. It is kept without holes and
//! within half a packet of the pictures, by leaving out the packet that overlaps and by filling holes with packets of silence.

use std::time::Duration;

use crate::opus::SILENCE_DURATION;

/// Where the frames of a looped clip belong on one endless timeline that starts with the first picture.
#[derive(Debug)]
pub struct Splice {
    /// The time of the first picture within the pass, nanoseconds.
    origin: i64,
    /// Where the pass begins on the timeline.
    base: Duration,
    /// Where the pictures end so far.
    video_end: Duration,
    latest_picture: Duration,
    /// Where the sound ends so far; `None` for a clip without sound.
    sound_end: Option<Duration>,
}

/// Where a packet of sound goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// Here, after so many packets of silence.
    At {
        /// On the timeline.
        timestamp: Duration,
        /// Packets of [`SILENCE_DURATION`] that come before it.
        silences: u32,
    },
    /// Nowhere: the time is taken.
    Skip,
}

impl Splice {
    /// A timeline that begins with the picture at `origin` (nanoseconds, in the pass's own time).
    pub fn new(origin: i64, has_sound: bool) -> Self {
        Self {
            origin,
            base: Duration::ZERO,
            video_end: Duration::ZERO,
            latest_picture: Duration::ZERO,
            sound_end: has_sound.then_some(Duration::ZERO),
        }
    }

    /// Begins the next pass, whose first picture is at `origin`.
    pub fn wrap(&mut self, origin: i64) {
        self.origin = origin;
        self.base = self.video_end;
    }

    /// Where the pass begins on the timeline.
    pub fn start(&self) -> Duration {
        self.base
    }

    /// Places a picture.
    pub fn video(&mut self, time: i64, duration: Duration) -> Duration {
        let timestamp = self
            .ideal(time)
            .unwrap_or(self.base)
            .max(self.latest_picture);
        // Without a duration the picture lasts as long as the one before it.
        let duration = if duration.is_zero() {
            timestamp - self.latest_picture
        } else {
            duration
        };
        self.latest_picture = timestamp;
        self.video_end = self.video_end.max(timestamp + duration);
        timestamp
    }

    /// Places a packet of sound.
    pub fn audio(&mut self, time: i64, duration: Duration) -> Placement {
        let (Some(ideal), Some(end)) = (self.ideal(time), self.sound_end) else {
            return Placement::Skip;
        };
        if ideal + duration / 2 < end {
            return Placement::Skip;
        }
        let hole = ideal.saturating_sub(end);
        let silences = (hole + SILENCE_DURATION / 2).as_nanos() / SILENCE_DURATION.as_nanos();
        let silences = u32::try_from(silences).unwrap_or(u32::MAX);
        let timestamp = end + SILENCE_DURATION * silences;
        self.sound_end = Some(timestamp + duration);
        Placement::At {
            timestamp,
            silences,
        }
    }

    /// Where a packet of silence has to go before the picture at `picture`, because the sound has stopped long before it. To be
    /// asked until it says no.
    pub fn silence_before(&mut self, picture: Duration) -> Option<Duration> {
        let end = self.sound_end?;
        if end + SILENCE_DURATION + SILENCE_DURATION / 2 > picture {
            return None;
        }
        self.sound_end = Some(end + SILENCE_DURATION);
        Some(end)
    }

    fn ideal(&self, time: i64) -> Option<Duration> {
        let offset = u64::try_from(time.checked_sub(self.origin)?).ok()?;
        Some(self.base + Duration::from_nanos(offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_nanos(33_333_333);
    const PACKET: Duration = Duration::from_millis(20);

    fn at(timestamp: Duration, silences: u32) -> Placement {
        Placement::At {
            timestamp,
            silences,
        }
    }

    fn ns(duration: Duration) -> i64 {
        i64::try_from(duration.as_nanos()).unwrap()
    }

    #[test]
    fn a_pass_follows_where_the_pictures_of_the_last_one_ended() {
        let mut splice = Splice::new(ns(PACKET), false);
        for pass in 0..3u32 {
            for frame in 0..60u32 {
                let placed = splice.video(ns(PACKET + FRAME * frame), FRAME);
                assert_eq!(placed, FRAME * (60 * pass + frame));
            }
            splice.wrap(ns(PACKET));
            assert_eq!(splice.start(), FRAME * 60 * (pass + 1));
        }
    }

    #[test]
    fn sound_that_is_too_long_loses_packets_and_never_drifts() {
        let mut splice = Splice::new(0, true);
        let mut end = Duration::ZERO;
        for pass in 0..100u32 {
            // 2 s of pictures, 2.014 s of sound.
            let base = Duration::from_secs(2) * pass;
            assert_eq!(splice.video(0, Duration::from_secs(2)), base);
            for packet in 0..101u32 {
                match splice.audio(ns(PACKET * packet), PACKET) {
                    Placement::At {
                        timestamp,
                        silences,
                    } => {
                        assert_eq!((timestamp, silences), (end, 0), "no hole, no overlap");
                        assert!(timestamp.abs_diff(base + PACKET * packet) <= PACKET / 2);
                        end = timestamp + PACKET;
                    }
                    Placement::Skip => {}
                }
            }
            splice.wrap(0);
        }
    }

    #[test]
    fn holes_are_filled_with_silence() {
        let mut splice = Splice::new(0, true);
        assert_eq!(splice.audio(0, PACKET), at(Duration::ZERO, 0));
        assert_eq!(splice.audio(ns(PACKET * 4), PACKET), at(PACKET * 4, 3));
        assert_eq!(
            splice.audio(ns(PACKET * 5 + PACKET / 4), PACKET),
            at(PACKET * 5, 0)
        );
    }

    #[test]
    fn sound_that_ended_goes_on_as_silence_while_pictures_last() {
        let mut splice = Splice::new(0, true);
        splice.audio(0, PACKET);
        assert_eq!(
            splice.silence_before(PACKET * 2),
            None,
            "the next packet may still come"
        );
        assert_eq!(splice.silence_before(PACKET * 4), Some(PACKET));
        assert_eq!(splice.silence_before(PACKET * 4), Some(PACKET * 2));
        assert_eq!(splice.silence_before(PACKET * 4), None);
    }

    #[test]
    fn sound_before_the_first_picture_is_left_out() {
        let mut splice = Splice::new(ns(PACKET * 3), true);
        assert_eq!(splice.audio(ns(PACKET * 2), PACKET), Placement::Skip);
        assert_eq!(splice.audio(ns(PACKET * 3), PACKET), at(Duration::ZERO, 0));
    }

    #[test]
    fn decoding_order_never_makes_time_go_back() {
        let mut splice = Splice::new(0, false);
        let placed: Vec<_> = [0, 3, 1, 2, 6]
            .map(|frame| splice.video(ns(FRAME * frame), FRAME))
            .into_iter()
            .collect();
        assert!(placed.is_sorted());
    }
}
