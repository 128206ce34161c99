//! How large the frames of a synthetic lesson are, and when its keyframes come.

/// Frames per second.
pub const FRAME_RATE: u32 = 30;
/// Seconds from one keyframe to the next, when nobody asks.
const INTERVAL_S: u32 = 2;
/// The same of an encoder that leaves keyframes to those who ask for them.
const LONG_INTERVAL_S: u32 = 20;
/// How much larger a keyframe is than the mean of the others.
const KEYFRAME_FACTOR: f64 = 6.0;
/// How far the others stray from their mean.
const SPREAD: f64 = 0.2;

/// A frame to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Bytes of its access unit.
    pub size: usize,
    /// Whether it is a keyframe.
    pub keyframe: bool,
}

/// An endless sequence of frames, the same in every run.
#[derive(Debug, Clone)]
pub struct Pattern {
    mean: f64,
    /// Frames from one keyframe to the next.
    interval: u32,
    until_keyframe: u32,
    noise: u32,
}

impl Pattern {
    /// Frames of `mbit` Mbit/s in the long run when no keyframe is asked for.
    pub fn new(mbit: f64) -> Self {
        Self::of(mbit, FRAME_RATE, INTERVAL_S * FRAME_RATE)
    }

    /// The same at so many frames per second, with hardly a keyframe that was not asked for.
    pub fn on_request(mbit: f64, frame_rate: u32) -> Self {
        Self::of(mbit, frame_rate, LONG_INTERVAL_S * frame_rate)
    }

    fn of(mbit: f64, frame_rate: u32, interval: u32) -> Self {
        let bytes = mbit * 1e6 / 8.0 * f64::from(interval) / f64::from(frame_rate);
        Self {
            mean: bytes / (f64::from(interval - 1) + KEYFRAME_FACTOR),
            interval,
            until_keyframe: 0,
            noise: 1,
        }
    }

    /// The next frame is to be a keyframe.
    pub fn request_keyframe(&mut self) {
        self.until_keyframe = 0;
    }

    /// The next frame.
    pub fn next_frame(&mut self) -> Frame {
        if self.until_keyframe == 0 {
            self.until_keyframe = self.interval - 1;
            return Frame {
                size: (self.mean * KEYFRAME_FACTOR) as usize,
                keyframe: true,
            };
        }
        self.until_keyframe -= 1;
        // Any generator will do that spreads evenly; this one needs no state but a word.
        self.noise = self
            .noise
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        let unit = f64::from(self.noise >> 8) / f64::from(1_u32 << 24);
        Frame {
            size: (self.mean * (1.0 - SPREAD + 2.0 * SPREAD * unit)) as usize,
            keyframe: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_rate() {
        let mut pattern = Pattern::new(20.0);
        let frames: Vec<Frame> = (0..1800).map(|_| pattern.next_frame()).collect();
        let bytes: usize = frames.iter().map(|frame| frame.size).sum();
        let mbit = bytes as f64 * 8.0 / 1e6 / 60.0;
        assert!((19.8..20.2).contains(&mbit), "{mbit}");
        assert_eq!(frames.iter().filter(|frame| frame.keyframe).count(), 30);
    }

    #[test]
    fn a_requested_keyframe_is_the_next_frame() {
        let mut pattern = Pattern::new(20.0);
        assert!(pattern.next_frame().keyframe);
        assert!(!pattern.next_frame().keyframe);
        pattern.request_keyframe();
        assert!(pattern.next_frame().keyframe);
        let next = (0..100).position(|_| pattern.next_frame().keyframe);
        assert_eq!(next, Some(59), "the interval starts anew");
    }

    #[test]
    fn a_4k_frame_is_about_sixty_five_packets() {
        let mut pattern = Pattern::new(20.0);
        assert!((380..420).contains(&(pattern.next_frame().size / 1170)));
        assert!((50..80).contains(&(pattern.next_frame().size / 1170)));
    }
}
