//! Lines that lose packets without being full.

use super::link::Conditions;
use super::sim::{Sim, Source};

#[test]
fn random_loss_does_not_lower_the_target() {
    for (share, burst) in [(0.05, 1.0), (0.10, 1.0), (0.02, 20.0), (0.01, 5.0)] {
        for seed in 0..2 {
            let way = Conditions::delay(20).loss(share, burst);
            let mut sim = Sim::new(Source::Layers, way.rate(40.0, 200), way, seed);
            sim.run(30.0);
            sim.print(0.25);
            let up = sim.time_to_reach(0.0, 20e6);
            assert!(up < 5.0, "{share} in {burst}: {up} s");
            let lowest = sim.lowest(up + 1.0, 30.0);
            assert!(lowest >= 20e6, "{share} in {burst}: {lowest}");
            assert_eq!(sim.falls(up + 1.0, 30.0), 0, "{share} in {burst}");
            let told = f64::from(sim.estimate.loss());
            assert!((told - share).abs() < share, "{share} in {burst}: {told}");
        }
    }
}

#[test]
fn loss_that_begins_in_the_middle_of_a_lesson_costs_a_moment() {
    let clean = Conditions::delay(20).rate(40.0, 200);
    let mut sim = Sim::new(Source::Layers, clean, Conditions::delay(20), 9);
    sim.run(20.0);
    sim.down.conditions = clean.loss(0.10, 1.0);
    sim.run(40.0);
    sim.print(0.25);
    assert!(sim.lowest(20.0, 60.0) > 8.4e6, "{}", sim.lowest(20.0, 60.0));
    assert!(sim.falls(20.0, 60.0) <= 1);
    let fall = 20.0 + sim.time_until(20.0, |moment| moment.sending < 20e6);
    let back = sim.time_until(fall, |moment| moment.sending >= 20e6);
    assert!(back < 1.7, "{back} s");
    assert!(sim.lowest(26.0, 60.0) >= 20e6);
}

#[test]
fn lost_feedback_is_no_lost_media() {
    let up = Conditions::delay(20).loss(0.5, 1.0);
    let down = Conditions::delay(20).rate(40.0, 200);
    let mut sim = Sim::new(Source::Layers, down, up, 10);
    sim.run(30.0);
    sim.print(0.25);
    assert_eq!(sim.estimate.loss(), 0.0);
    assert!(sim.lowest(5.0, 30.0) >= 20e6);
}

#[test]
fn a_full_line_that_also_loses_is_still_followed() {
    let way = Conditions::delay(20).loss(0.05, 1.0);
    let mut sim = Sim::new(Source::Encoder(30e6), way.rate(8.0, 200), way, 11);
    sim.run(40.0);
    sim.print(0.25);
    let mean = sim.mean(10.0, 40.0);
    assert!((5.5e6..8e6).contains(&mean), "{mean}");
    let wait = sim.wait_p95(10.0, 40.0);
    assert!(wait < 100.0, "{wait} ms");
}
