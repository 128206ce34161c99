//! The simulation: it advances by half a millisecond.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use congestion::arrivals::{Arrivals, Feedback, INTERVAL};
use congestion::estimate::Estimate;

use super::link::{Conditions, Link};

const TICK_US: u64 = 500;
const PACKET: usize = 1_200;
const FRAME_US: u64 = 33_333;
/// The relay's pacer: how often it sends what waits, in seconds how long a burst may be at the pace, and its least in bytes.
const PUMP_US: u64 = 5_000;
const BURST: f64 = 0.010;
const MIN_BURST: f64 = 6_000.0;

/// What decides how much is sent.
#[derive(Debug, Clone, Copy)]
pub enum Source {
    /// Courseware {0.6, 8} and camera {0.4, 2.5, 12} Mbit/s, the most that fits into the target; sound at 60 kbit/s.
    Layers,
    /// An encoder that follows the target up to this many bit/s.
    Encoder(f64),
}

/// One moment of a run.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    pub at: f64,
    pub target: f64,
    /// Bit/s that the source has chosen.
    pub sending: f64,
}

pub struct Sim {
    pub estimate: Estimate,
    /// Numbers; others' packets have none.
    pub down: Link<Option<u16>>,
    pub up: Link<Feedback>,
    pub source: Source,
    /// Bit/s that others send through the same line.
    pub others: f64,
    pub moments: Vec<Moment>,
    pub probe_bytes: usize,
    pub sent_bytes: usize,
    /// Time between two feedbacks, in µs.
    pub interval: u64,
    /// The receiver sees nothing for so long, every so often, in µs; then all at once.
    pub stall: (u64, u64),
    /// What the receiver's clock gains.
    pub drift: f64,
    arrivals: Arrivals,
    epoch: Instant,
    now_us: u64,
    /// Bytes of packets that wait for the pacer.
    waiting: VecDeque<usize>,
    credit: f64,
    others_credit: f64,
    next_pump: u64,
    has_new: bool,
    next_frame: u64,
    next_sound: u64,
    next_feedback: u64,
    next_poll: u64,
    chosen: f64,
    chosen_at: u64,
}

impl Sim {
    pub fn new(source: Source, down: Conditions, up: Conditions, seed: u64) -> Self {
        let epoch = Instant::now();
        let mut estimate = Estimate::new(epoch, 5_000_000);
        estimate.want(30_000_000);
        Self {
            estimate,
            down: Link::new(down, seed),
            up: Link::new(up, seed ^ 0xFFFF),
            source,
            others: 0.0,
            moments: Vec::new(),
            probe_bytes: 0,
            sent_bytes: 0,
            interval: INTERVAL.as_micros() as u64,
            stall: (0, 1),
            drift: 0.0,
            arrivals: Arrivals::new(epoch - Duration::from_secs(77)),
            epoch,
            now_us: 0,
            waiting: VecDeque::new(),
            credit: 0.0,
            others_credit: 0.0,
            next_pump: 0,
            has_new: false,
            next_frame: 0,
            next_sound: 0,
            next_feedback: 30_000,
            next_poll: 0,
            chosen: 0.0,
            chosen_at: 0,
        }
    }

    pub fn now(&self) -> Instant {
        self.epoch + Duration::from_micros(self.now_us)
    }

    pub fn run(&mut self, seconds: f64) {
        let end = self.now_us + (seconds * 1e6) as u64;
        while self.now_us < end {
            self.tick();
            self.now_us += TICK_US;
        }
    }

    /// Seconds from `from` on until the target is at least `target`.
    pub fn time_to_reach(&self, from: f64, target: f64) -> f64 {
        self.time_until(from, |moment| moment.target >= target)
    }

    pub fn time_until(&self, from: f64, is_so: impl Fn(&Moment) -> bool) -> f64 {
        self.moments
            .iter()
            .find(|moment| moment.at >= from && is_so(moment))
            .map_or(f64::INFINITY, |moment| moment.at - from)
    }

    pub fn between(&self, from: f64, to: f64) -> impl Iterator<Item = &Moment> {
        self.moments
            .iter()
            .filter(move |moment| (from..to).contains(&moment.at))
    }

    pub fn lowest(&self, from: f64, to: f64) -> f64 {
        self.between(from, to)
            .map(|moment| moment.target)
            .fold(f64::INFINITY, f64::min)
    }

    pub fn highest(&self, from: f64, to: f64) -> f64 {
        self.between(from, to)
            .map(|moment| moment.target)
            .fold(0.0, f64::max)
    }

    pub fn mean(&self, from: f64, to: f64) -> f64 {
        let count = self.between(from, to).count();
        self.between(from, to)
            .map(|moment| moment.target)
            .sum::<f64>()
            / count as f64
    }

    pub fn mean_sending(&self, from: f64, to: f64) -> f64 {
        let count = self.between(from, to).count();
        self.between(from, to)
            .map(|moment| moment.sending)
            .sum::<f64>()
            / count as f64
    }

    /// Steps from one rate to a lower one.
    pub fn falls(&self, from: f64, to: f64) -> usize {
        let moments: Vec<_> = self.between(from, to).collect();
        moments
            .windows(2)
            .filter(|pair| pair[1].sending < pair[0].sending * 0.95)
            .count()
    }

    /// The wait at the bottleneck that 95 % of the packets stay below, in ms.
    pub fn wait_p95(&self, from: f64, to: f64) -> f64 {
        let mut waits: Vec<f64> = self
            .down
            .waits
            .iter()
            .filter(|(at, _)| (from * 1e6..to * 1e6).contains(at))
            .map(|(_, wait)| wait / 1e3)
            .collect();
        waits.sort_by(f64::total_cmp);
        waits[waits.len() * 95 / 100]
    }

    /// One line per `step` seconds, for whoever looks for a reason.
    pub fn print(&self, step: f64) {
        let mut next = 0.0;
        for moment in &self.moments {
            if moment.at >= next {
                next = moment.at + step;
                println!(
                    "{:6.2} s  target {:6.2}  sending {:6.2} Mbit/s",
                    moment.at,
                    moment.target / 1e6,
                    moment.sending / 1e6
                );
            }
        }
    }

    fn tick(&mut self) {
        let now = self.now();
        let now_us = self.now_us as f64;
        while let Some((at, feedback)) = self.up.pop(now_us) {
            let at = self.epoch + Duration::from_micros(at as u64);
            self.estimate.feedback(at, &feedback);
        }
        self.choose();
        self.produce();
        self.pace();
        self.others_credit += self.others * TICK_US as f64 / 8e6;
        while self.others_credit >= PACKET as f64 {
            self.others_credit -= PACKET as f64;
            self.down.push(now_us, PACKET, None);
        }
        let (stall, every) = self.stall;
        let is_stalled = self.now_us % every < stall;
        while !is_stalled && let Some((at, number)) = self.down.pop(now_us) {
            let since = (self.now_us - self.now_us % every + stall) as f64;
            let at = if stall > 0 { at.max(since) } else { at } * (1.0 + self.drift);
            let at = self.epoch + Duration::from_nanos((at * 1e3) as u64);
            if let Some(number) = number {
                self.arrivals.received(at, number);
            }
        }
        if self.now_us >= self.next_feedback && !is_stalled {
            self.next_feedback = self.now_us + self.interval;
            while let Some(feedback) = self.arrivals.poll() {
                let bytes = 40 + feedback.deltas.len() * 3 / 2;
                self.up.push(now_us, bytes, feedback);
            }
        }
        if self.now_us >= self.next_poll {
            self.next_poll += 20_000;
            if let Some(probe) = self.estimate.poll(now) {
                self.probe_bytes += probe.bytes;
                let mut left = probe.bytes;
                while left > 0 {
                    let bytes = left.min(PACKET);
                    left -= bytes;
                    self.send(bytes);
                }
            }
            self.moments.push(Moment {
                at: now_us / 1e6,
                target: self.estimate.target() as f64,
                sending: self.chosen,
            });
        }
    }

    /// Layers change at keyframes: down 100 ms after the target fell below them, up after it has allowed it for 300 ms.
    fn choose(&mut self) {
        let target = self.estimate.target() as f64;
        let fitting = match self.source {
            Source::Layers => layers(target),
            Source::Encoder(most) => target.min(most) * 0.98,
        };
        let is_layered = matches!(self.source, Source::Layers);
        let patience = if fitting > self.chosen {
            300_000
        } else {
            100_000
        };
        let is_at_once = fitting == self.chosen || !is_layered || self.chosen == 0.0;
        if is_at_once || self.now_us - self.chosen_at >= patience {
            self.chosen = fitting;
            self.chosen_at = self.now_us;
        }
    }

    fn produce(&mut self) {
        if self.now_us >= self.next_sound {
            self.next_sound += 20_000;
            self.send(150);
        }
        if self.now_us >= self.next_frame {
            self.next_frame += FRAME_US;
            let mut left = (self.chosen * FRAME_US as f64 / 8e6) as usize;
            while left > 0 {
                let bytes = left.min(PACKET);
                left -= bytes;
                self.waiting.push_back(bytes);
            }
            self.has_new = true;
        }
    }

    fn pace(&mut self) {
        let pace = self.estimate.pace() as f64;
        self.credit += pace * TICK_US as f64 / 8e6;
        self.credit = self.credit.min((pace * BURST / 8.0).max(MIN_BURST));
        if self.now_us < self.next_pump && !self.has_new {
            return;
        }
        self.has_new = false;
        self.next_pump = self.now_us + PUMP_US;
        while let Some(bytes) = self.waiting.front().copied() {
            if self.credit <= 0.0 {
                return;
            }
            self.waiting.pop_front();
            self.credit -= bytes as f64;
            self.send(bytes);
        }
    }

    fn send(&mut self, bytes: usize) {
        let number = self.estimate.sent(self.now(), bytes);
        self.sent_bytes += bytes;
        self.down.push(self.now_us as f64, bytes, Some(number));
    }
}

fn layers(target: f64) -> f64 {
    const ORDER: [f64; 6] = [0.6e6, 1.0e6, 3.1e6, 8.4e6, 10.5e6, 20.0e6];
    ORDER
        .into_iter()
        .rev()
        .find(|rate| *rate <= target)
        .unwrap_or(0.6e6)
}
