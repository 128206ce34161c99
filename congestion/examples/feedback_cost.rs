//! What the estimate costs: nanoseconds per packet sent and microseconds per feedback of 100 packets.
//!
//! `cargo run --release -p congestion --example feedback_cost`

use std::hint::black_box;
use std::time::{Duration, Instant};

use congestion::arrivals::Arrivals;
use congestion::estimate::Estimate;

const ROUNDS: u32 = 20_000;
const PACKETS: u32 = 100;
const ROOMS: usize = 300;

fn main() {
    for rooms in [1, ROOMS] {
        measure(rooms);
    }
}

/// Sends to `rooms` in turn, so that with many of them each one's memory is cold.
fn measure(rooms: usize) {
    let epoch = Instant::now();
    let mut lines: Vec<_> = (0..rooms)
        .map(|_| (Estimate::new(epoch, 20_000_000), Arrivals::new(epoch)))
        .collect();
    let (mut sending, mut hearing, mut polling) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let index = round as usize % rooms;
        let now = epoch + Duration::from_millis(50) * (round / rooms as u32);
        let (estimate, arrivals) = &mut lines[index];
        estimate.want(30_000_000);
        let mut numbers = [0; PACKETS as usize];
        let began = Instant::now();
        for (packet, number) in numbers.iter_mut().enumerate() {
            let burst = Duration::from_micros(packet as u64 / 40 * 16_000);
            *number = estimate.sent(now + burst, black_box(1_200));
        }
        sending.push(began.elapsed());
        for (packet, number) in numbers.into_iter().enumerate() {
            let at = Duration::from_micros(packet as u64 / 40 * 16_000 + packet as u64 % 40 * 250);
            arrivals.received(now + at + Duration::from_millis(20), number);
        }
        let feedback = arrivals.poll().expect("packets have arrived");
        let later = now + Duration::from_millis(49);
        let began = Instant::now();
        estimate.feedback(later, black_box(&feedback));
        hearing.push(began.elapsed());
        let began = Instant::now();
        black_box(estimate.poll(later));
        polling.push(began.elapsed());
    }
    println!(
        "{rooms} rooms: sent {:.1} ns per packet, feedback of {PACKETS} packets {:.2} µs, poll {:.2} µs; target {:.1} Mbit/s",
        median(sending) / f64::from(PACKETS),
        median(hearing) / 1e3,
        median(polling) / 1e3,
        lines[0].0.target() as f64 / 1e6,
    );
}

/// In nanoseconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_nanos() as f64
}
