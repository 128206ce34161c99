//! What the bottleneck carries, told from how far packets sent back to back are apart when they arrive.
//!
//! Within a train the arrival of a packet is regressed on the bytes before it: the slope is the time that a byte takes. Jitter
//! makes residuals; those of the trains of the last second are pooled, so that many noisy trains still tell something and a
//! clean one is enough.

use super::Micros;

/// A longer pause between two packets ends a train.
const MAX_GAP: Micros = 2_000;
/// Shorter trains say nothing.
const MIN_PACKETS: u32 = 6;
/// A longer burst is several trains.
const MAX_PACKETS: u32 = 64;
/// Trains remembered, and for how long.
const TRAINS: usize = 32;
const MEMORY: Micros = 1_000_000;
/// Without a newer train, nothing is known.
const MAX_AGE: Micros = 3_000_000;
/// Jitter on a way that keeps the order stretches a train: its later packets wait for earlier ones. Length that this adds for
/// each unit of the residuals' deviation; found by trying.
const STRETCH: f64 = 0.6;
/// Unit of arrival times, as a deviation.
const RESOLUTION: f64 = 72.0;
/// Microseconds per byte at 100 Mbit/s: noise below this is the resolution's.
const FAST: f64 = 0.08;
/// What is sent faster than this is sent at once.
const MAX_SENT_RATE: f64 = 200e6;
/// As fast as anything gets.
const MAX_RATE: f64 = 1e9;

/// Trains of packets.
#[derive(Debug)]
pub(super) struct Trains {
    open: Option<Train>,
    closed: [Train; TRAINS],
    next: usize,
    /// When the latest closed train was sent.
    latest: Micros,
}

/// What trains have shown lately.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Capacity {
    /// Bit/s at which packets arrived.
    pub arrived: f64,
    /// Bit/s that were carried for sure.
    pub shown: f64,
    /// The packets were sent faster than they arrived, and the figure is precise: the line carries no more.
    pub is_limit: bool,
}

/// Sums of a regression: x is bytes after the first packet, y arrival and s sending in microseconds after it.
#[derive(Debug, Clone, Copy, Default)]
struct Train {
    packets: u32,
    /// The first packet's times.
    arrived: Micros,
    sent: Micros,
    last_sent: Micros,
    last_arrived: Micros,
    /// Packets that came before the one sent before them.
    overtaken: u32,
    bytes: f64,
    x: f64,
    y: f64,
    s: f64,
    xx: f64,
    xy: f64,
    yy: f64,
    xs: f64,
}

impl Trains {
    pub(super) fn new() -> Self {
        Self {
            open: None,
            closed: [Train::default(); TRAINS],
            next: 0,
            latest: 0,
        }
    }

    /// A packet arrived. They come in the order of sending.
    pub(super) fn add(&mut self, sent: Micros, arrived: Micros, bytes: u16) {
        if let Some(train) = &mut self.open {
            let gap = sent - train.last_sent;
            if (0..=MAX_GAP).contains(&gap) && train.packets < MAX_PACKETS {
                train.extend(sent, arrived, bytes);
                return;
            }
            let train = *train;
            self.close(train);
        }
        self.open = Some(Train {
            packets: 1,
            arrived,
            sent,
            last_sent: sent,
            last_arrived: arrived,
            ..Train::default()
        });
    }

    /// Nothing seen so far counts any more.
    pub(super) fn forget(&mut self) {
        *self = Self::new();
    }

    /// Whether nothing is known for want of new ones.
    pub(super) fn are_old(&self, now: Micros) -> bool {
        now - self.latest > MAX_AGE
    }

    pub(super) fn capacity(&self, now: Micros) -> Option<Capacity> {
        if self.are_old(now) {
            return None;
        }
        let mut all = Train::default();
        let mut trains = 0;
        let recent = |train: &&Train| train.packets > 0 && train.sent > self.latest - MEMORY;
        let recent = || self.closed.iter().filter(recent);
        // What was sent slowly shows no more than that, and must not hide what a faster train shows.
        let fastest = recent().map(Train::sent_rate).fold(0.0, f64::max);
        for train in recent().filter(|train| train.sent_rate() >= fastest / 2.0) {
            all.join(train);
            trains += 1;
        }
        if all.packets < MIN_PACKETS || all.xx <= 0.0 {
            return None;
        }
        let slope = (all.xy / all.xx).max(0.0);
        let packets = f64::from(all.packets);
        let residual = (all.yy - slope * all.xy).max(packets * RESOLUTION * RESOLUTION);
        let variance = residual / f64::from(all.packets - 2 * trains);
        let deviation = (variance / all.xx).sqrt();
        if deviation > 0.5 * slope && deviation > FAST {
            return None;
        }
        let bytes = all.bytes / f64::from(trains);
        let slope = if all.overtaken * 20 < all.packets {
            let jitter = (variance.sqrt() - 2.0 * RESOLUTION).max(0.0);
            (slope - STRETCH * jitter / bytes).max(slope / 2.0)
        } else {
            slope
        };
        let resolution = 250.0 / bytes;
        let sent_slope = (all.xs / all.xx).max(0.0);
        let is_saturated = slope > 1.15 * sent_slope + resolution;
        Some(Capacity {
            arrived: bits_per_second(slope),
            shown: bits_per_second(slope + deviation + resolution * 0.5)
                .min(bits_per_second(sent_slope)),
            is_limit: is_saturated && deviation < 0.12 * slope,
        })
    }

    fn close(&mut self, mut train: Train) {
        if train.packets < MIN_PACKETS {
            return;
        }
        let n = f64::from(train.packets);
        train.xx -= train.x * train.x / n;
        train.xy -= train.x * train.y / n;
        train.yy -= train.y * train.y / n;
        train.xs -= train.x * train.s / n;
        self.latest = self.latest.max(train.sent);
        self.closed[self.next % TRAINS] = train;
        self.next += 1;
    }
}

impl Train {
    fn extend(&mut self, sent: Micros, arrived: Micros, bytes: u16) {
        self.packets += 1;
        self.last_sent = sent;
        self.bytes += f64::from(bytes);
        let x = self.bytes;
        let y = (arrived - self.arrived) as f64;
        let s = (sent - self.sent) as f64;
        self.x += x;
        self.y += y;
        self.s += s;
        self.xx += x * x;
        self.xy += x * y;
        self.yy += y * y;
        self.xs += x * s;
        self.overtaken += u32::from(arrived < self.last_arrived);
        self.last_arrived = arrived;
    }

    /// Bit/s at which it was sent.
    fn sent_rate(&self) -> f64 {
        bits_per_second((self.xs / self.xx).max(0.0)).min(MAX_SENT_RATE)
    }

    fn join(&mut self, other: &Self) {
        self.packets += other.packets;
        self.overtaken += other.overtaken;
        self.bytes += other.bytes;
        self.xx += other.xx;
        self.xy += other.xy;
        self.yy += other.yy;
        self.xs += other.xs;
    }
}

fn bits_per_second(micros_per_byte: f64) -> f64 {
    (8e6 / micros_per_byte.max(1e-6)).min(MAX_RATE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = 2_000_000;

    /// `count` packets of 1,200 bytes sent at once at `sent`, arriving `gap` µs apart.
    fn train(trains: &mut Trains, sent: Micros, count: i64, gap: Micros) {
        for index in 0..count {
            let arrived = (sent + 20_000 + index * gap) / 250 * 250;
            trains.add(sent, arrived, 1_200);
        }
    }

    #[test]
    fn the_spread_of_a_train_is_the_capacity() {
        let mut trains = Trains::new();
        assert_eq!(trains.capacity(NOW), None);
        // 1,200 bytes in 1,920 µs are 5 Mbit/s.
        train(&mut trains, 0, 14, 1_920);
        assert_eq!(trains.capacity(NOW), None, "it may go on");
        train(&mut trains, 33_000, 1, 0);
        let capacity = trains.capacity(NOW).unwrap();
        assert!((4.8e6..5.2e6).contains(&capacity.arrived), "{capacity:?}");
        assert!((4.5e6..5.1e6).contains(&capacity.shown), "{capacity:?}");
        assert!(capacity.is_limit);
    }

    #[test]
    fn what_arrives_in_one_read_carried_at_least_that() {
        let mut trains = Trains::new();
        train(&mut trains, 0, 14, 0);
        train(&mut trains, 33_000, 1, 0);
        let capacity = trains.capacity(NOW).unwrap();
        assert!(capacity.shown > 200e6, "{capacity:?}");
        assert!(!capacity.is_limit);
    }

    #[test]
    fn no_more_is_shown_than_was_sent() {
        let mut trains = Trains::new();
        for index in 0..40 {
            trains.add(index * 960, 20_000 + index * 960 / 250 * 250, 1_200);
        }
        trains.add(100_000, 120_000, 1_200);
        let capacity = trains.capacity(NOW).unwrap();
        assert!((9e6..10.5e6).contains(&capacity.shown), "{capacity:?}");
        assert!(!capacity.is_limit);
    }

    #[test]
    fn pauses_and_few_packets_show_nothing() {
        let mut trains = Trains::new();
        for index in 0..200 {
            train(&mut trains, index * 33_000, 5, 1_000);
        }
        assert_eq!(trains.capacity(NOW), None);
    }

    #[test]
    fn old_trains_are_forgotten() {
        let mut trains = Trains::new();
        for index in 0..30 {
            train(&mut trains, index * 33_000, 14, 1_920);
        }
        for index in 0..31 {
            train(&mut trains, 1_000_000 + index * 33_000, 14, 320);
        }
        let capacity = trains.capacity(NOW).unwrap();
        assert!((27e6..31e6).contains(&capacity.arrived), "{capacity:?}");
        assert_eq!(trains.capacity(9_000_000), None);
    }
}
