//! Lines that stay as they are.

use std::time::Duration;

use super::link::{Conditions, Jitter};
use super::sim::{Sim, Source};

fn jitter(ms: u64) -> Jitter {
    Jitter::InOrder(Duration::from_millis(ms))
}

#[test]
fn a_clean_line_is_found_out_within_two_seconds() {
    for (rate, delay) in [
        (None, 5),
        (Some(200.0), 5),
        (Some(100.0), 12),
        (Some(60.0), 20),
    ] {
        let line = Conditions::delay(delay);
        let down = rate.map_or(line, |rate| line.rate(rate, 100));
        let mut sim = Sim::new(Source::Layers, down, line, 1);
        sim.run(10.0);
        sim.print(0.1);
        let seconds = sim.time_to_reach(0.0, 30e6);
        assert!(seconds < 1.5, "{rate:?}: {seconds} s");
        assert!(sim.lowest(3.0, 10.0) >= 20e6, "{rate:?}");
        assert_eq!(sim.falls(0.0, 10.0), 0, "{rate:?}");
    }
}

#[test]
fn an_encoder_fills_a_bottleneck_and_leaves_no_queue() {
    for (rate, queue, delay) in [
        (2.0, 300, 30),
        (4.0, 200, 30),
        (10.0, 200, 20),
        (25.0, 400, 40),
    ] {
        let down = Conditions::delay(delay).rate(rate, queue);
        let up = Conditions::delay(delay);
        let mut sim = Sim::new(Source::Encoder(30e6), down, up, 2);
        sim.run(40.0);
        sim.print(0.25);
        let mean = sim.mean(10.0, 40.0) / rate / 1e6;
        assert!((0.75..1.0).contains(&mean), "{rate} Mbit/s: {mean}");
        let wait = sim.wait_p95(10.0, 40.0);
        assert!(wait < 100.0, "{rate} Mbit/s: {wait} ms");
    }
}

#[test]
fn the_village_gets_what_fits_and_no_standing_queue() {
    for seed in 0..3 {
        let down = Conditions::delay(30).rate(4.0, 200).jitter(jitter(3));
        let up = Conditions::delay(30).rate(1.0, 200).jitter(jitter(3));
        let mut sim = Sim::new(Source::Layers, down, up, seed);
        sim.run(40.0);
        sim.print(0.25);
        let target = sim.mean(5.0, 40.0);
        assert!((3.1e6..4.2e6).contains(&target), "{target}");
        assert!(sim.falls(5.0, 40.0) <= 1, "{} falls", sim.falls(5.0, 40.0));
        let wait = sim.wait_p95(5.0, 40.0);
        assert!(wait < 100.0, "{wait} ms");
        assert!(sim.wait_p95(0.0, 5.0) < 200.0);
    }
}

#[test]
fn jitter_is_not_taken_for_over_use() {
    let ways = [
        jitter(12),
        jitter(20),
        Jitter::Overtaking(Duration::from_millis(20)),
        Jitter::Overtaking(Duration::from_millis(30)),
    ];
    for (seed, way) in ways.into_iter().enumerate() {
        let down = Conditions::delay(40).rate(30.0, 300).jitter(way);
        let up = Conditions::delay(40).jitter(way);
        let mut sim = Sim::new(Source::Layers, down, up, seed as u64);
        sim.run(40.0);
        sim.print(0.25);
        let lowest = sim.lowest(6.0, 40.0);
        assert!(lowest > 15e6, "{way:?}: {lowest}");
    }
}

/// Trains that jitter stretches show too little: at 10.5 Mbit/s, a line of 24 must not look like one of 18.
#[test]
fn jitter_does_not_hide_what_the_line_carries() {
    for seed in 0..3 {
        let down = Conditions::delay(30).rate(24.0, 200).jitter(jitter(12));
        let mut sim = Sim::new(Source::Layers, down, Conditions::delay(30), seed);
        sim.run(40.0);
        sim.print(0.25);
        let sending = sim.mean_sending(10.0, 40.0);
        assert!(sending > 19e6, "{sending}");
    }
}
