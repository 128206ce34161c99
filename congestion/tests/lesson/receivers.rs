//! Receivers that are busy, slow to tell, or whose clock goes wrong, on a line of 30 Mbit/s that falls to 5.

use super::link::Conditions;
use super::sim::{Sim, Source};

fn line(mbit: f64) -> Conditions {
    Conditions::delay(20).rate(mbit, 200)
}

/// The line is used as if nothing were wrong with the receiver, and its fall is followed within `down` seconds.
fn follows(down: f64, receiver: impl Fn(&mut Sim)) {
    let mut sim = Sim::new(Source::Layers, line(30.0), line(5.0), 1);
    receiver(&mut sim);
    sim.run(15.0);
    sim.down.conditions = line(5.0);
    sim.run(10.0);
    sim.down.conditions = line(30.0);
    sim.run(15.0);
    sim.print(0.1);
    assert!(sim.time_to_reach(0.0, 20e6) < 1.5);
    assert_eq!(sim.falls(0.0, 15.0), 0);
    let took = sim.time_until(15.0, |moment| moment.target <= 5e6);
    assert!(took < down, "{took} s");
    let up = sim.time_to_reach(25.0, 22e6);
    assert!(up < 6.0, "{up} s");
    assert_eq!(sim.falls(25.0, 40.0), 0);
}

#[test]
fn feedback_may_come_four_times_a_second() {
    follows(0.7, |sim| sim.interval = 100_000);
    follows(1.0, |sim| sim.interval = 250_000);
}

#[test]
fn a_receiver_that_is_busy_for_a_moment_is_no_queue() {
    for stall in [
        (30_000, 700_000),
        (100_000, 1_500_000),
        (250_000, 3_000_000),
    ] {
        follows(0.7, |sim| sim.stall = stall);
    }
}

#[test]
fn a_receiver_may_read_many_packets_at_once() {
    for stall in [(2_000, 5_000), (8_000, 10_000)] {
        follows(0.7, |sim| sim.stall = stall);
    }
}

#[test]
fn clocks_may_drift_apart() {
    for drift in [-200e-6, 200e-6] {
        follows(0.7, |sim| sim.drift = drift);
    }
}
