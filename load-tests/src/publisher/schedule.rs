//! When frames, sounds, batches and reports are due.

use std::time::{Duration, Instant};

use super::Pacing;
use super::pattern::FRAME_RATE;

/// Between audio packets.
const AUDIO_INTERVAL: Duration = Duration::from_millis(20);
/// RTP ticks of an audio packet.
const AUDIO_TICKS: u32 = 960;
/// Between the batches of a paced publisher, as libwebrtc.
pub const PACING_INTERVAL: Duration = Duration::from_millis(5);
/// Between sender reports.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// A lesson's clock.
#[derive(Debug)]
pub struct Schedule {
    pacing: Pacing,
    started: Instant,
    frames: u32,
    sounds: u32,
    next_batch: Instant,
    next_report: Instant,
}

/// What is to be done now.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// An audio packet with this timestamp.
    pub sound: Option<u32>,
    /// A frame: which, and its timestamp.
    pub frame: Option<(u32, u32)>,
    /// Packets may leave.
    pub batch: bool,
    /// Sender reports.
    pub report: bool,
}

impl Schedule {
    /// Everything is due at once.
    pub fn new(now: Instant, pacing: Pacing) -> Self {
        Self {
            pacing,
            started: now,
            frames: 0,
            sounds: 0,
            next_batch: now,
            next_report: now,
        }
    }

    /// Takes what is due: of what is overdue, one at a time.
    pub fn take(&mut self, now: Instant) -> Due {
        let mut due = Due::default();
        if self.sound_due() <= now {
            due.sound = Some(self.sound_time());
            self.sounds += 1;
        }
        if self.frame_due() <= now {
            due.frame = Some((self.frames, self.frame_time()));
            self.frames += 1;
        }
        due.batch = match self.pacing {
            Pacing::Burst => true,
            Pacing::Paced => self.next_batch <= now,
        };
        if due.batch {
            self.next_batch = now + PACING_INTERVAL;
        }
        if self.next_report <= now {
            due.report = true;
            self.next_report = now + REPORT_INTERVAL;
        }
        due
    }

    /// When to come back; `queued` says whether packets wait for a batch.
    pub fn next(&self, queued: bool) -> Instant {
        let next = self.frame_due().min(self.sound_due()).min(self.next_report);
        if queued {
            next.min(self.next_batch)
        } else {
            next
        }
    }

    /// What a clock of so many ticks per second shows now.
    pub fn media_time(&self, now: Instant, clock_rate: u32) -> u32 {
        let since = now.saturating_duration_since(self.started);
        (since.as_micros() * u128::from(clock_rate) / 1_000_000) as u32
    }

    /// The timestamp of the next frame.
    fn frame_time(&self) -> u32 {
        (u64::from(self.frames) * 90_000 / u64::from(FRAME_RATE)) as u32
    }

    /// The timestamp of the next sound.
    fn sound_time(&self) -> u32 {
        self.sounds.wrapping_mul(AUDIO_TICKS)
    }

    fn frame_due(&self) -> Instant {
        self.started + Duration::from_secs(1) * self.frames / FRAME_RATE
    }

    fn sound_due(&self) -> Instant {
        self.started + AUDIO_INTERVAL * self.sounds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_thirty_frames_and_fifty_sounds() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start, Pacing::Burst);
        let (mut frames, mut sounds, mut reports) = (Vec::new(), 0, 0);
        for milli in 0..1000 {
            let due = schedule.take(start + Duration::from_millis(milli));
            frames.extend(due.frame);
            sounds += u32::from(due.sound.is_some());
            reports += u32::from(due.report);
            assert!(due.batch);
        }
        assert_eq!(
            frames,
            (0..30)
                .map(|frame| (frame, frame * 3000))
                .collect::<Vec<_>>()
        );
        assert_eq!((sounds, reports), (50, 1));
        let end = start + Duration::from_secs(1);
        for (next, rate) in [
            (schedule.frame_time(), 90_000),
            (schedule.sound_time(), 48_000),
        ] {
            assert_eq!((next, schedule.media_time(end, rate)), (rate, rate));
        }
    }

    #[test]
    fn batches_come_every_five_milliseconds_while_something_waits() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start, Pacing::Paced);
        assert!(schedule.take(start).batch);
        assert!(!schedule.take(start + Duration::from_millis(4)).batch);
        assert_eq!(schedule.next(true), start + PACING_INTERVAL);
        assert_eq!(schedule.next(false), start + AUDIO_INTERVAL);
        assert!(schedule.take(start + PACING_INTERVAL).batch);
    }

    #[test]
    fn what_was_missed_is_made_up_for() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start, Pacing::Burst);
        let late = start + Duration::from_millis(70);
        let frames = (0..5).filter_map(|_| schedule.take(late).frame).count();
        assert_eq!(frames, 3);
    }
}
