//! Interarrival jitter (RFC 3550 §6.4.1 and appendix A.8), measured on the first packet of each frame as libwebrtc does:
//! the sixty packets that follow at once would dilute it to nothing.

use std::time::Duration;

/// The running estimate for one SSRC.
#[derive(Debug)]
pub struct Jitter {
    clock_rate: u32,
    previous: Option<Previous>,
    ticks: f64,
}

#[derive(Debug)]
struct Previous {
    timestamp: u32,
    transit: u32,
}

impl Jitter {
    /// No packet yet, on a clock of `clock_rate` ticks per second.
    pub fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate,
            previous: None,
            ticks: 0.0,
        }
    }

    /// Takes note of a packet; `arrival` counts from any fixed moment.
    pub fn arrive(&mut self, arrival: Duration, timestamp: u32) {
        if self
            .previous
            .as_ref()
            .is_some_and(|previous| previous.timestamp == timestamp)
        {
            return;
        }
        let ticks = arrival.as_micros() * u128::from(self.clock_rate) / 1_000_000;
        let transit = (ticks as u32).wrapping_sub(timestamp);
        if let Some(previous) = self.previous.replace(Previous { timestamp, transit }) {
            let step = transit.wrapping_sub(previous.transit) as i32;
            let difference = f64::from(step.unsigned_abs());
            self.ticks += (difference - self.ticks) / 16.0;
        }
    }

    /// In ticks, as reports carry it.
    pub fn ticks(&self) -> u32 {
        self.ticks as u32
    }

    /// In milliseconds.
    pub fn millis(&self) -> f64 {
        self.ticks * 1000.0 / f64::from(self.clock_rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_zero_on_an_even_line() {
        let mut jitter = Jitter::new(90_000);
        for frame in 0..100_u32 {
            let timestamp = (frame * 9000).wrapping_add(u32::MAX - 50_000);
            jitter.arrive(Duration::from_millis(u64::from(frame) * 100), timestamp);
        }
        assert_eq!(jitter.millis(), 0.0);
    }

    #[test]
    fn approaches_the_mean_difference() {
        let mut jitter = Jitter::new(90_000);
        for frame in 0..1000_u64 {
            let late = if frame % 2 == 0 { 0 } else { 4 };
            let arrival = Duration::from_millis(frame * 40 + late);
            jitter.arrive(arrival, (frame * 3600) as u32);
            jitter.arrive(arrival + Duration::from_millis(9), (frame * 3600) as u32);
        }
        assert!((jitter.millis() - 4.0).abs() < 0.01, "{}", jitter.millis());
        assert_eq!(jitter.ticks(), 359);
    }
}
