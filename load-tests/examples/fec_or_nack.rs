//! Forward error correction or asking again: what each leaves missing, and what it costs, in virtual time.
//!
//! A picture of 12 Mbit/s, 30 frames a second, paced as the relay paces it, crosses the emulated line of a profile with another
//! round trip. Repairs are asked for as our viewers ask (`viewer::Timing`), and requests are lost as packets are. Codes are
//! exclusive-or parity, as ULPFEC (RFC 5109) and FlexFEC-03 carry it: a row of 10 or 5 packets and its parity, or rows and columns
//! of 10 × 10. What is not there 200 or 400 ms after it was sent is missing.
//!
//! What the table says (missing after 200 / 400 ms, and what it costs; all of it is printed):
//!
//! | line | round trip | NACK | parity 1 in 5 | parity 10 × 10 | NACK and 10 × 10 |
//! |---|---|---|---|---|---|
//! | 5 % | 40 ms | 0.000 / 0.000 %, 5.6 % | 1.1 %, 20 % | 0.11 %, 20 % | 0.000 / 0.000 %, 22 % |
//! | 5 % | 100 ms | 0.50 / 0.004 %, 5.6 % | 1.1 %, 20 % | 0.11 %, 20 % | 0.000 / 0.000 %, 22 % |
//! | 5 % | 200 ms | 4.9 / 0.48 %, 5.7 % | 1.1 %, 20 % | 0.11 %, 20 % | 0.08 / 0.000 %, 22 % |
//! | 10 % | 40 ms | 0.004 / 0.001 %, 12 % | 4.0 %, 20 % | 1.5 %, 20 % | 0.000 / 0.000 %, 25 % |
//! | 10 % | 100 ms | 2.0 / 0.05 %, 13 % | 4.0 %, 20 % | 1.5 %, 20 % | 0.05 / 0.000 %, 25 % |
//! | 10 % | 200 ms | 10 / 1.9 %, 13 % | 4.0 %, 20 % | 1.5 %, 20 % | 1.4 / 0.03 %, 25 % |
//! | bursts of 20 | 40 ms | 0.000 / 0.000 %, 1.9 % | 2.0 %, 20 % | 1.6 %, 20 % | 0.000 / 0.000 %, 22 % |
//! | bursts of 20 | 200 ms | 1.9 / 0.06 %, 2.2 % | 2.0 %, 20 % | 1.6 %, 20 % | 1.6 / 0.12 %, 22 % |
//!
//! So rooms ask again, and get no parity. Up to a round trip of 100 ms, asking leaves less missing after 400 ms than parity does, and
//! at 40 ms already after 200 ms, for two thirds of the bytes or less; bursts, which are what real lines lose packets in, leave parity with nothing to
//! correct from; and a line that loses packets because it is narrow loses more when a fifth is added. Only where the buffer is
//! shorter than the round trip is parity the one thing that helps: no line of ours is like that (24 to 60 ms).
//!
//! Nor could many take it. Browsers built on libwebrtc offer flexfec-03 where they receive, but send it only with a field trial on
//! (`WebRTC-FlexFEC-03-Advertised`), and their sender switches ULPFEC off for H.264 with NACK, because without picture identifiers
//! a lost parity packet looks like lost media and is asked for again.
//!
//! Run it with `cargo run --release -p load-tests --example fec_or_nack`.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use load_tests::link::profile::Conditions;
use load_tests::link::{Lane, Parcel, Profile};
use load_tests::viewer::{Sequence, Timing, Via};

const LENGTH: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(1);
/// 1,200 bytes each: 12 Mbit/s.
const PACKETS_PER_FRAME: u64 = 42;
const FRAME: Duration = Duration::from_micros(33_333);
/// Packets that leave in a millisecond: twice the rate of the picture.
const PACE: usize = 3;
const DEADLINES: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(400)];

#[derive(Clone, Copy, PartialEq)]
enum Code {
    None,
    /// One parity packet after so many.
    Row(u64),
    /// Rows and columns of a square.
    Square(u64),
}

#[derive(Clone, Copy)]
struct Scheme {
    name: &'static str,
    asks: bool,
    code: Code,
}

const SCHEMES: [Scheme; 8] = [
    Scheme {
        name: "nothing",
        asks: false,
        code: Code::None,
    },
    Scheme {
        name: "NACK",
        asks: true,
        code: Code::None,
    },
    Scheme {
        name: "1 in 10",
        asks: false,
        code: Code::Row(10),
    },
    Scheme {
        name: "1 in 5",
        asks: false,
        code: Code::Row(5),
    },
    Scheme {
        name: "10 × 10",
        asks: false,
        code: Code::Square(10),
    },
    Scheme {
        name: "NACK + 1 in 10",
        asks: true,
        code: Code::Row(10),
    },
    Scheme {
        name: "NACK + 1 in 5",
        asks: true,
        code: Code::Row(5),
    },
    Scheme {
        name: "NACK + 10 × 10",
        asks: true,
        code: Code::Square(10),
    },
];

/// What a parcel is. Parity says which packets it covers: from, how many, how far apart.
#[derive(Clone, Copy)]
enum Cargo {
    Media(u64),
    Repair(u64),
    Parity(Cover),
    Request(u64),
}

#[derive(Clone, Copy)]
struct Cover {
    first: u64,
    count: u64,
    step: u64,
}

impl Cover {
    fn packets(self) -> impl Iterator<Item = u64> {
        (0..self.count).map(move |at| self.first + at * self.step)
    }
}

struct Outcome {
    /// Share of packets, for each deadline.
    missing: [f64; 2],
    /// Packets beyond the media, over the media.
    overhead: f64,
}

struct Run {
    scheme: Scheme,
    now: Instant,
    down: Lane<Cargo>,
    up: Lane<Cargo>,
    queue: VecDeque<Cargo>,
    sent: Vec<Instant>,
    extra: u64,
    arrived: BTreeMap<u64, Instant>,
    parities: Vec<Cover>,
    sequence: Option<Sequence>,
    timing: Timing,
}

impl Run {
    fn new(scheme: Scheme, conditions: [Conditions; 2], seed: u64) -> Self {
        let lane = |conditions, seed| Lane::new(vec![(Duration::ZERO, conditions)], seed);
        Self {
            scheme,
            now: Instant::now(),
            down: lane(conditions[0], seed),
            up: lane(conditions[1], seed + 1),
            queue: VecDeque::new(),
            sent: Vec::new(),
            extra: 0,
            arrived: BTreeMap::new(),
            parities: Vec::new(),
            sequence: None,
            timing: Timing::default(),
        }
    }

    fn play(mut self) -> Outcome {
        let start = self.now;
        let (mut frames, mut packets) = (0, 0);
        while self.now < start + LENGTH + Duration::from_secs(2) {
            while self.now >= start + FRAME * frames && self.now < start + LENGTH {
                frames += 1;
                for _ in 0..PACKETS_PER_FRAME {
                    self.queue.push_back(Cargo::Media(packets));
                    packets += 1;
                    self.protect(packets);
                }
            }
            self.send();
            while let Some(parcel) = self.up.poll(self.now) {
                if let Cargo::Request(number) = parcel.route {
                    self.extra += 1;
                    push(&mut self.down, self.now, Cargo::Repair(number));
                }
            }
            while let Some(parcel) = self.down.poll(self.now) {
                self.arrive(parcel.route);
            }
            self.ask();
            self.now += STEP;
        }
        self.outcome()
    }

    /// Queues the parity that is complete with the packet before `packets`.
    fn protect(&mut self, packets: u64) {
        let (rows, columns) = match self.scheme.code {
            Code::None => return,
            Code::Row(count) => (count, 0),
            Code::Square(side) => (side, side),
        };
        let mut parity = |first, count, step| {
            let cover = Cover { first, count, step };
            self.queue.push_back(Cargo::Parity(cover));
        };
        if packets.is_multiple_of(rows) {
            parity(packets - rows, rows, 1);
        }
        if columns > 0 && packets.is_multiple_of(rows * columns) {
            for column in 0..columns {
                parity(packets - rows * columns + column, rows, columns);
            }
        }
    }

    fn send(&mut self) {
        for _ in 0..PACE {
            let Some(cargo) = self.queue.pop_front() else {
                return;
            };
            match cargo {
                Cargo::Media(_) => self.sent.push(self.now),
                _ => self.extra += 1,
            }
            push(&mut self.down, self.now, cargo);
        }
    }

    fn arrive(&mut self, cargo: Cargo) {
        match cargo {
            Cargo::Media(number) => self.obtain(number, Via::First),
            Cargo::Repair(number) => self.obtain(number, Via::Repair),
            Cargo::Parity(cover) => self.parities.push(cover),
            Cargo::Request(_) => {}
        }
        self.correct();
    }

    fn obtain(&mut self, number: u64, via: Via) {
        if self.arrived.contains_key(&number) {
            return;
        }
        self.arrived.insert(number, self.now);
        match &mut self.sequence {
            Some(sequence) => {
                sequence.arrive(self.now, number as u16, via, &mut self.timing);
            }
            None => self.sequence = Some(Sequence::new(number as u16)),
        }
    }

    /// A parity packet whose packets all arrived but one gives that one; which may complete another.
    fn correct(&mut self) {
        loop {
            let mut found = None;
            let arrived = &self.arrived;
            self.parities.retain(|cover| {
                let mut missing = cover.packets().filter(|at| !arrived.contains_key(at));
                match (missing.next(), missing.next()) {
                    (None, _) => false,
                    (Some(number), None) => {
                        found = Some(number);
                        false
                    }
                    // Parity so old is of no use any more.
                    _ => cover.first + 2000 > arrived.len() as u64,
                }
            });
            let Some(number) = found else { return };
            self.obtain(number, Via::First);
        }
    }

    fn ask(&mut self) {
        let Some(sequence) = &mut self.sequence else {
            return;
        };
        if !self.scheme.asks {
            return;
        }
        let highest = self
            .arrived
            .last_key_value()
            .map_or(0, |(number, _)| *number);
        for wanted in sequence.due(self.now, &self.timing) {
            let behind = u64::from((highest as u16).wrapping_sub(wanted));
            push(&mut self.up, self.now, Cargo::Request(highest - behind));
        }
    }

    fn outcome(self) -> Outcome {
        let packets = self.sent.len() as f64;
        let missing = DEADLINES.map(|deadline| {
            let is_late = |(number, sent): &(usize, &Instant)| {
                let arrived = self.arrived.get(&(*number as u64));
                arrived.is_none_or(|arrived| *arrived > **sent + deadline)
            };
            self.sent.iter().enumerate().filter(is_late).count() as f64 / packets
        });
        Outcome {
            missing,
            overhead: self.extra as f64 / packets,
        }
    }
}

fn push(lane: &mut Lane<Cargo>, now: Instant, route: Cargo) {
    let bytes = Bytes::new();
    lane.push(now, Parcel { bytes, route });
}

fn main() {
    println!("profile    round trip  scheme            missing after 200 ms   400 ms  overhead");
    for name in ["lossy-5", "lossy-10", "burst"] {
        let profile = Profile::load(name).expect("a profile of this program");
        for round_trip in [40, 100, 200] {
            let delay = Duration::from_millis(round_trip) / 2;
            let step = profile.steps[0];
            let conditions = [step.down, step.up].map(|conditions| Conditions {
                delay,
                ..conditions
            });
            for scheme in SCHEMES {
                let outcome = Run::new(scheme, conditions, 1).play();
                println!(
                    "{name:10} {round_trip:7} ms  {:16} {:18.3} % {:8.3} % {:7.1} %",
                    scheme.name,
                    outcome.missing[0] * 100.0,
                    outcome.missing[1] * 100.0,
                    outcome.overhead * 100.0,
                );
            }
        }
    }
}
