//! Reception statistics and sender-report arithmetic (RFC 3550 §6.4).

use std::time::{Duration, Instant};

/// The publisher's clock, as its last sender report gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockReading {
    /// 64-bit NTP time stamp.
    pub ntp: u64,
    /// The media timestamp of the same instant.
    pub rtp: u32,
    /// When the report arrived.
    pub arrived: Instant,
}

impl ClockReading {
    /// The same clock at `now`, for a report of our own.
    pub fn at(&self, now: Instant, clock_rate: u32) -> (u64, u32) {
        let elapsed = now.saturating_duration_since(self.arrived);
        (
            self.ntp.wrapping_add(ntp_duration(elapsed)),
            self.rtp.wrapping_add(ticks(elapsed, clock_rate)),
        )
    }

    /// The publisher's time at a media timestamp not far from the reading's.
    pub fn ntp_of(&self, timestamp: u32, clock_rate: u32) -> u64 {
        let ticks = i128::from(timestamp.wrapping_sub(self.rtp).cast_signed());
        let ntp = (ticks << 32) / i128::from(clock_rate.max(1));
        self.ntp.wrapping_add_signed(ntp as i64)
    }

    /// The media timestamp at a publisher's time; `None` when it is hours away, where timestamps say nothing any more.
    pub fn timestamp_of(&self, ntp: u64, clock_rate: u32) -> Option<u32> {
        let distance = i128::from(ntp.wrapping_sub(self.ntp).cast_signed());
        let ticks = (distance * i128::from(clock_rate)) >> 32;
        let ticks = i32::try_from(ticks).ok()?;
        Some(self.rtp.wrapping_add_signed(ticks))
    }
}

/// A duration in ticks of a media clock, wrapped as timestamps are.
pub fn ticks(duration: Duration, clock_rate: u32) -> u32 {
    (duration.as_nanos() * u128::from(clock_rate) / 1_000_000_000) as u32
}

/// A duration in the NTP format: seconds and 2⁻³² fractions.
pub fn ntp_duration(duration: Duration) -> u64 {
    (duration.as_secs() << 32) + ((u64::from(duration.subsec_nanos()) << 32) / 1_000_000_000)
}

/// The middle 32 bits of an NTP time stamp, as reports echo it (RFC 3550 §6.4.1 LSR).
pub fn compact(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

/// What a receiver counts about one publishing SSRC.
#[derive(Debug, Clone)]
pub struct Reception {
    clock_rate: u32,
    first: u64,
    highest: u64,
    received: u64,
    expected_before: u64,
    received_before: u64,
    jitter: f64,
    transit: Option<(Instant, u32)>,
}

/// The fields of a reception report block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Fraction lost since the last block, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost in all.
    pub lost: u32,
    /// Extended highest sequence number.
    pub highest: u32,
    /// Interarrival jitter in timestamp ticks.
    pub jitter: u32,
}

impl Reception {
    /// Counting starts with the first packet's extended sequence number.
    pub fn new(first: u64, clock_rate: u32) -> Self {
        Self {
            clock_rate,
            first,
            highest: first,
            received: 0,
            expected_before: 0,
            received_before: 0,
            jitter: 0.0,
            transit: None,
        }
    }

    /// Counts a packet that is no duplicate.
    pub fn received(&mut self, arrived: Instant, sequence: u64, timestamp: u32) {
        self.received += 1;
        if sequence < self.highest {
            return;
        }
        self.highest = sequence;
        if let Some((before, ticks_before)) = self.transit {
            let wall = ticks(arrived.saturating_duration_since(before), self.clock_rate) as i32;
            let difference = wall.wrapping_sub(timestamp.wrapping_sub(ticks_before) as i32);
            self.jitter += (f64::from(difference.unsigned_abs()) - self.jitter) / 16.0;
        }
        self.transit = Some((arrived, timestamp));
    }

    /// Packets expected so far.
    pub fn expected(&self) -> u64 {
        self.highest - self.first + 1
    }

    /// Packets lost so far.
    pub fn lost(&self) -> u64 {
        self.expected().saturating_sub(self.received)
    }

    /// Interarrival jitter so far (RFC 3550 §6.4.1).
    pub fn jitter(&self) -> Duration {
        Duration::from_secs_f64(self.jitter / f64::from(self.clock_rate.max(1)))
    }

    /// The next report block (RFC 3550 appendix A.3).
    pub fn block(&mut self) -> Block {
        let expected = self.expected() - self.expected_before;
        let received = self.received - self.received_before;
        (self.expected_before, self.received_before) = (self.expected(), self.received);
        let lost = expected.saturating_sub(received);
        Block {
            fraction_lost: (lost * 256).checked_div(expected).unwrap_or(0).min(255) as u8,
            // The field has 24 bits and is signed.
            lost: self.lost().min(0x7F_FFFF) as u32,
            highest: self.highest as u32,
            jitter: self.jitter as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_reading_moves_on() {
        let arrived = Instant::now();
        let reading = ClockReading {
            ntp: 10 << 32,
            rtp: u32::MAX,
            arrived,
        };
        let (ntp, rtp) = reading.at(arrived + Duration::from_millis(500), 90_000);
        assert_eq!(ntp, (10 << 32) + (1 << 31));
        assert_eq!(rtp, 44_999);
        assert_eq!(compact(ntp), 10 << 16 | 0x8000);
    }

    #[test]
    fn two_clocks_of_one_publisher_agree_about_a_frame() {
        let reading = |rtp| ClockReading {
            ntp: 10 << 32,
            rtp,
            arrived: Instant::now(),
        };
        let (first, second) = (reading(u32::MAX - 100), reading(5_000));
        for ticks in [0u32, 90_000, 3_000, 3_000u32.wrapping_neg()] {
            let there = first.ntp_of(first.rtp.wrapping_add(ticks), 90_000);
            let here = second.timestamp_of(there, 90_000).unwrap();
            assert!(
                here.wrapping_sub(second.rtp)
                    .wrapping_sub(ticks)
                    .cast_signed()
                    .abs()
                    <= 1
            );
        }
        assert_eq!(first.timestamp_of(1 << 62, 90_000), None);
    }

    #[test]
    fn loss_is_counted_per_interval_and_in_all() {
        let now = Instant::now();
        let mut reception = Reception::new(100, 90_000);
        for sequence in (100..200).filter(|s| s % 4 != 0) {
            reception.received(now, sequence, 0);
        }
        let block = reception.block();
        // 199 is the highest received, 100…199 expected, 25 missing.
        assert_eq!((block.lost, block.fraction_lost), (25, 64));
        for sequence in 200..300 {
            reception.received(now, sequence, 0);
        }
        assert_eq!((reception.block().fraction_lost, reception.lost()), (0, 25));
    }

    #[test]
    fn an_even_flow_has_no_jitter_and_an_uneven_one_has() {
        let start = Instant::now();
        let flow = |uneven: u64| {
            let mut reception = Reception::new(0, 90_000);
            for i in 0..200u64 {
                let wobble = if i % 2 == 0 { 0 } else { uneven };
                reception.received(
                    start + Duration::from_millis(i * 20 + wobble),
                    i,
                    (i * 1_800) as u32,
                );
            }
            reception.block().jitter
        };
        assert!(flow(0) <= 1);
        // The mean of |D| is 10 ms.
        assert!((800..=1_000).contains(&flow(10)), "{}", flow(10));
    }
}
