//! The smoothed round trip.

use super::Micros;

/// Without a newer one, a reported round trip gives way to what feedback shows.
const MAX_AGE: Micros = 10_000_000;
/// Longer ones are mistakes.
const MAX: Micros = 20_000_000;

/// Round trips in microseconds.
#[derive(Debug, Default)]
pub(super) struct RoundTrip {
    /// From reception reports, and when the last came.
    reported: Option<(Micros, f64)>,
    /// From a packet's sending to its feedback, which waits for the receiver's next message.
    measured: Option<f64>,
}

impl RoundTrip {
    pub(super) fn report(&mut self, now: Micros, round_trip: Micros) {
        if (0..=MAX).contains(&round_trip) {
            let sample = round_trip as f64;
            let smoothed = match self.reported {
                Some((at, smoothed)) if now - at < MAX_AGE => smoothed + 0.25 * (sample - smoothed),
                _ => sample,
            };
            self.reported = Some((now, smoothed));
        }
    }

    pub(super) fn measure(&mut self, now: Micros, round_trip: Micros) {
        let sample = round_trip.clamp(0, MAX) as f64;
        let measured = self.measured.get_or_insert(sample);
        *measured += 0.125 * (sample - *measured);
        if self.reported.is_some_and(|(at, _)| now - at > MAX_AGE) {
            self.reported = None;
        }
    }

    pub(super) fn smoothed(&self) -> Option<f64> {
        self.reported
            .map(|(_, reported)| reported)
            .or(self.measured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_go_before_measurements_until_they_are_old() {
        let mut round_trip = RoundTrip::default();
        assert_eq!(round_trip.smoothed(), None);
        round_trip.measure(0, 90_000);
        assert_eq!(round_trip.smoothed(), Some(90_000.0));
        round_trip.report(0, 40_000);
        round_trip.report(0, 3_600_000_000);
        assert_eq!(round_trip.smoothed(), Some(40_000.0));
        round_trip.measure(MAX_AGE + 1, 90_000);
        assert_eq!(round_trip.smoothed(), Some(90_000.0));
    }
}
