//! Keyframe requests towards a publisher: one per layer per half second, whoever asks.

use std::time::{Duration, Instant};

/// Shortest time between two requests for one layer.
pub const INTERVAL: Duration = Duration::from_millis(500);

/// The pending request of one layer.
#[derive(Debug, Default)]
pub struct KeyframeRequest {
    wanted: bool,
    asked: Option<Instant>,
}

impl KeyframeRequest {
    /// Somebody needs a keyframe.
    pub fn want(&mut self) {
        self.wanted = true;
    }

    /// A keyframe began: whoever was waiting has it.
    pub fn arrived(&mut self) {
        self.wanted = false;
    }

    /// Whether a request has to be sent now. Repeats every [`INTERVAL`] until the keyframe arrives, so a lost request heals.
    pub fn poll(&mut self, now: Instant) -> bool {
        let due = self.wanted
            && self
                .asked
                .is_none_or(|asked| now.saturating_duration_since(asked) >= INTERVAL);
        if due {
            self.asked = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_who_ask_make_one_request() {
        let start = Instant::now();
        let mut request = KeyframeRequest::default();
        assert!(!request.poll(start), "nobody asked");
        let mut sent = 0;
        for millisecond in 0..1_000 {
            request.want();
            sent += u32::from(request.poll(start + Duration::from_millis(millisecond)));
        }
        assert_eq!(sent, 2);
    }

    #[test]
    fn a_keyframe_settles_the_request_but_not_the_interval() {
        let start = Instant::now();
        let mut request = KeyframeRequest::default();
        request.want();
        assert!(request.poll(start));
        request.arrived();
        assert!(!request.poll(start + INTERVAL));
        request.want();
        assert!(request.poll(start + INTERVAL));
        request.arrived();
        request.want();
        assert!(!request.poll(start + INTERVAL + Duration::from_millis(100)));
    }
}
