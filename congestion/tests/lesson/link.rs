//! One direction of a line: a bottleneck with a queue, then a path with loss, delay and jitter.

use std::collections::VecDeque;
use std::time::Duration;

/// IPv4 and UDP.
const HEADERS: usize = 28;

/// A small deterministic generator (xorshift64*).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// 0 to 1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[derive(Debug, Clone, Copy)]
pub enum Jitter {
    None,
    /// Packets wait for each other.
    InOrder(Duration),
    /// Packets overtake each other.
    Overtaking(Duration),
}

#[derive(Debug, Clone, Copy)]
pub struct Conditions {
    /// Bit/s and the queue's length at this rate.
    pub rate: Option<(f64, Duration)>,
    /// Bit/s and depth in bytes: what is more is dropped.
    pub policer: Option<(f64, f64)>,
    pub delay: Duration,
    pub jitter: Jitter,
    /// Average share and length of a burst.
    pub loss: (f64, f64),
    pub is_cut: bool,
}

impl Conditions {
    pub fn delay(ms: u64) -> Self {
        Self {
            rate: None,
            policer: None,
            delay: Duration::from_millis(ms),
            jitter: Jitter::None,
            loss: (0.0, 1.0),
            is_cut: false,
        }
    }

    pub fn rate(self, mbit: f64, queue_ms: u64) -> Self {
        Self {
            rate: Some((mbit * 1e6, Duration::from_millis(queue_ms))),
            ..self
        }
    }

    pub fn loss(self, share: f64, burst: f64) -> Self {
        Self {
            loss: (share, burst),
            ..self
        }
    }

    pub fn jitter(self, jitter: Jitter) -> Self {
        Self { jitter, ..self }
    }
}

/// Times are microseconds.
#[derive(Debug)]
pub struct Link<T> {
    pub conditions: Conditions,
    random: Random,
    /// When the bottleneck will have sent all it holds.
    free_at: f64,
    /// The policer's bucket and when it was filled last.
    bucket: (f64, f64),
    is_losing: bool,
    last: f64,
    under_way: VecDeque<(f64, T)>,
    /// How long each packet waited at the bottleneck, in µs.
    pub waits: Vec<(f64, f64)>,
    pub dropped: u64,
    pub entered: u64,
}

impl<T> Link<T> {
    pub fn new(conditions: Conditions, seed: u64) -> Self {
        Self {
            conditions,
            random: Random::new(seed),
            free_at: 0.0,
            bucket: (0.0, 0.0),
            is_losing: false,
            last: 0.0,
            under_way: VecDeque::new(),
            waits: Vec::new(),
            dropped: 0,
            entered: 0,
        }
    }

    pub fn push(&mut self, now: f64, bytes: usize, packet: T) {
        self.entered += 1;
        match self.arrival(now, (bytes + HEADERS) as f64 * 8.0) {
            Some(at) => {
                let place = self.under_way.partition_point(|(other, _)| *other <= at);
                self.under_way.insert(place, (at, packet));
            }
            None => self.dropped += 1,
        }
    }

    pub fn pop(&mut self, now: f64) -> Option<(f64, T)> {
        let (at, _) = self.under_way.front()?;
        (*at <= now).then(|| self.under_way.pop_front())?
    }

    fn arrival(&mut self, now: f64, bits: f64) -> Option<f64> {
        if let Some((rate, depth)) = self.conditions.policer {
            let (level, filled) = self.bucket;
            let level = (level + (now - filled) * rate / 1e6).min(depth * 8.0);
            let is_in = level >= bits;
            self.bucket = (if is_in { level - bits } else { level }, now);
            if !is_in {
                return None;
            }
        }
        let mut at = now;
        if let Some((rate, queue)) = self.conditions.rate {
            let wait = (self.free_at - now).max(0.0);
            if wait > queue.as_micros() as f64 {
                return None;
            }
            self.waits.push((now, wait));
            self.free_at = now + wait + bits / rate * 1e6;
            at = self.free_at;
        }
        if self.conditions.is_cut || self.is_lost() {
            return None;
        }
        at += self.conditions.delay.as_micros() as f64;
        let unit = self.random.unit() * 2.0 - 1.0;
        match self.conditions.jitter {
            Jitter::None => {}
            Jitter::InOrder(most) => at = (at + unit * most.as_micros() as f64).max(self.last),
            Jitter::Overtaking(most) => at += unit * most.as_micros() as f64,
        }
        self.last = self.last.max(at);
        Some(at.max(now))
    }

    fn is_lost(&mut self) -> bool {
        let (share, burst) = self.conditions.loss;
        if share <= 0.0 {
            return false;
        }
        let leave = 1.0 / burst;
        let enter = leave * share / (1.0 - share);
        let unit = self.random.unit();
        self.is_losing = if burst <= 1.0 {
            unit < share
        } else if self.is_losing {
            unit >= leave
        } else {
            unit < enter
        };
        self.is_losing
    }
}
