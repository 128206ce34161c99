//! Lines that change, and lines that carry less than is sent.

use std::time::Duration;

use super::link::{Conditions, Jitter};
use super::sim::{Sim, Source};

fn line(mbit: f64) -> Conditions {
    Conditions::delay(20).rate(mbit, 200)
}

#[test]
fn a_line_that_falls_is_followed_at_once_and_so_is_its_rise() {
    for seed in 0..3 {
        let mut sim = Sim::new(Source::Layers, line(30.0), line(5.0), seed);
        sim.run(10.0 + seed as f64 * 0.007);
        let fall = sim.moments.last().unwrap().at;
        sim.down.conditions = line(5.0);
        sim.run(20.0);
        let rise = sim.moments.last().unwrap().at;
        sim.down.conditions = line(30.0);
        sim.run(30.0);
        sim.print(0.1);
        assert!(sim.mean_sending(5.0, fall) > 19e6);
        let down = sim.time_until(fall, |moment| moment.target <= 5e6);
        assert!(down < 0.7, "{down} s");
        assert!(sim.highest(fall + 1.5, rise) <= 5.5e6);
        assert!(sim.lowest(fall + 0.5, rise) >= 2.5e6);
        let wait = sim.wait_p95(fall + 2.0, rise);
        assert!(wait < 100.0, "{wait} ms");
        let up = sim.time_to_reach(rise, 22e6);
        assert!(up < 6.0, "{up} s");
        assert!(sim.lowest(rise + 10.0, rise + 30.0) > 20e6);
    }
}

/// At 1 Mbit/s media is too little for trains: probes must do.
#[test]
fn a_line_that_rises_is_noticed_by_probes_where_little_is_sent() {
    let mut sim = Sim::new(Source::Layers, line(1.5), line(5.0), 3);
    sim.run(20.0);
    sim.down.conditions = line(30.0);
    sim.run(20.0);
    sim.print(0.1);
    assert!(sim.highest(10.0, 20.0) < 2e6);
    let up = sim.time_to_reach(20.0, 22e6);
    assert!(up < 6.0, "{up} s");
    let share = sim.probe_bytes as f64 / sim.sent_bytes as f64;
    assert!(share < 0.1, "{share} of all is padding");
}

#[test]
fn after_an_outage_the_line_is_as_before() {
    let broad = Conditions::delay(20);
    for (clean, seconds) in [(broad, 5.0), (broad.loss(0.02, 1.0), 5.0), (line(4.0), 2.0)] {
        let mut sim = Sim::new(Source::Layers, clean, clean, 4);
        sim.run(10.0);
        let cut = Conditions {
            is_cut: true,
            ..clean
        };
        (sim.down.conditions, sim.up.conditions) = (cut, cut);
        let before = sim.moments.last().unwrap().target;
        sim.run(seconds);
        (sim.down.conditions, sim.up.conditions) = (clean, clean);
        sim.run(15.0);
        sim.print(0.1);
        let lowest = sim.lowest(10.0, seconds + 25.0);
        assert!(lowest > 0.9 * before, "{before} to {lowest}");
        assert_eq!(sim.falls(5.0, seconds + 25.0), 0);
    }
}

/// The outage's packets wait in the network and all come after it.
#[test]
fn an_outages_queue_is_no_eternal_over_use() {
    let mut sim = Sim::new(Source::Layers, line(30.0), line(30.0), 5);
    sim.run(10.0);
    let before = sim.moments.last().unwrap().target;
    let stuck = Conditions::delay(20).rate(0.001, 2_000);
    sim.down.conditions = stuck;
    sim.run(2.0);
    sim.down.conditions = line(30.0);
    sim.run(20.0);
    sim.print(0.1);
    let settled = sim.time_to_reach(14.0, before / 2.0);
    assert!(settled < 8.0, "{settled}");
}

#[test]
fn a_policer_brings_the_target_down_to_what_it_lets_through() {
    for (source, seed) in [(Source::Layers, 6), (Source::Encoder(30e6), 7)] {
        let down = Conditions {
            policer: Some((6e6, 20_000.0)),
            ..Conditions::delay(20)
        };
        let mut sim = Sim::new(source, down, Conditions::delay(20), seed);
        sim.run(10.0);
        let (dropped, entered) = (sim.down.dropped, sim.down.entered);
        sim.run(50.0);
        sim.print(0.25);
        let target = sim.mean(10.0, 60.0);
        assert!((3.1e6..7e6).contains(&target), "{source:?}: {target}");
        let lost = (sim.down.dropped - dropped) as f64 / (sim.down.entered - entered) as f64;
        println!("{source:?}: {lost} lost");
        assert!(lost < 0.06, "{source:?}: {lost} lost");
    }
}

/// What a train shows is not what is free: others take two thirds of the line.
#[test]
fn attempts_that_fail_become_rare() {
    for source in [Source::Layers, Source::Encoder(30e6)] {
        let mut sim = Sim::new(source, line(30.0), line(5.0), 8);
        sim.others = 20e6;
        sim.run(120.0);
        sim.print(0.25);
        let wait = sim.wait_p95(10.0, 120.0);
        assert!(wait < 100.0, "{source:?}: {wait} ms");
        let target = sim.mean(10.0, 120.0);
        assert!((6e6..12e6).contains(&target), "{source:?}: {target}");
        if matches!(source, Source::Layers) {
            let falls = sim.falls(60.0, 120.0);
            assert!(falls <= 6, "{falls} falls");
        }
    }
}

#[test]
fn a_busy_cell_is_followed_down_and_up() {
    for seed in 0..3 {
        let jitter = |ms| Jitter::InOrder(Duration::from_millis(ms));
        let cell = |mbit| {
            let way = Conditions::delay(30).rate(mbit, 400).loss(0.01, 5.0);
            way.jitter(jitter(12))
        };
        let up = Conditions::delay(30).rate(6.0, 400).loss(0.01, 5.0);
        let mut sim = Sim::new(Source::Layers, cell(30.0), up.jitter(jitter(15)), seed);
        sim.run(10.0);
        sim.down.conditions = cell(12.0);
        sim.run(10.0);
        sim.down.conditions = cell(30.0);
        sim.run(20.0);
        sim.print(0.1);
        assert!(sim.time_to_reach(0.0, 20e6) < 4.0);
        assert!(sim.lowest(5.0, 10.0) >= 15e6);
        let down = sim.time_until(10.0, |moment| moment.target <= 12e6);
        assert!(down < 1.0, "{down} s");
        assert!(sim.lowest(11.0, 20.0) >= 6e6);
        let wait = sim.wait_p95(12.0, 20.0);
        assert!(wait < 100.0, "{wait} ms");
        let up = sim.time_to_reach(20.0, 20e6);
        assert!(up < 6.0, "{up} s");
        assert!(sim.lowest(30.0, 40.0) >= 15e6);
    }
}
