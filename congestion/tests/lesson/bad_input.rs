//! Feedback that makes no sense.

use std::time::{Duration, Instant};

use congestion::arrivals::Feedback;
use congestion::estimate::{Estimate, MAX_TARGET, MIN_TARGET};

use super::link::{Conditions, Random};
use super::sim::{Sim, Source};

fn garbage(random: &mut Random) -> Feedback {
    let len = match random.bits() % 8 {
        0 => 0,
        1 => 65_536,
        _ => random.bits() as usize % 300,
    };
    Feedback {
        base: random.bits() as u16,
        reference_time: match random.bits() % 3 {
            0 => random.bits() as u32,
            1 => 0,
            _ => random.bits() as u32 & 0xFF,
        },
        count: random.bits() as u8,
        deltas: (0..len)
            .map(|_| (!random.bits().is_multiple_of(3)).then(|| random.bits() as i16))
            .collect(),
    }
}

#[test]
fn nothing_that_a_receiver_says_breaks_the_estimate() {
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let start = Instant::now();
        let mut now = start;
        let mut estimate = Estimate::new(now, random.bits());
        for _ in 0..2_000 {
            now += Duration::from_micros(random.bits() % 40_000);
            match random.bits() % 16 {
                0 => now += Duration::from_secs(random.bits() % 5_000),
                1 => estimate.remb(now, random.bits() >> (random.bits() % 64)),
                2 => {
                    let round_trip = Duration::from_secs(random.bits() >> (random.bits() % 64));
                    estimate.reception(now, random.bits() as u8, Some(round_trip));
                }
                3 => estimate.want(random.bits() >> (random.bits() % 64)),
                // The caller's clock goes back.
                4 => estimate.feedback(start, &garbage(&mut random)),
                5..10 => estimate.feedback(now, &garbage(&mut random)),
                _ => {
                    for _ in 0..random.bits() % 200 {
                        estimate.sent(now, random.bits() as usize % 100_000);
                    }
                }
            }
            let probe = estimate.poll(now);
            assert!(probe.is_none_or(|probe| (1..=25_000).contains(&probe.bytes)));
            assert!((MIN_TARGET..=MAX_TARGET).contains(&estimate.target()));
            assert!(estimate.pace() >= 2_000_000);
            assert!((0.0..=1.0).contains(&estimate.loss()));
        }
        assert!(estimate.unmatched() > 0);
    }
}

#[test]
fn feedback_that_never_matches_changes_nothing_and_is_counted() {
    let down = Conditions::delay(20).rate(40.0, 200);
    let mut sim = Sim::new(Source::Layers, down, Conditions::delay(20), 12);
    sim.run(5.0);
    let (target, unmatched) = (sim.estimate.target(), sim.estimate.unmatched());
    assert_eq!(unmatched, 0);
    let now = sim.now();
    for index in 0..1_000_u32 {
        let forged = Feedback {
            base: 60_000,
            reference_time: index * 16_000,
            count: 0,
            deltas: vec![Some(1); 100],
        };
        sim.estimate.feedback(now, &forged);
    }
    assert_eq!(sim.estimate.target(), target);
    assert_eq!(sim.estimate.unmatched(), 100_000);
    sim.run(10.0);
    assert!(sim.lowest(5.0, 15.0) >= 20e6);
}

#[test]
fn replayed_feedback_is_counted_and_without_effect() {
    let start = Instant::now();
    let mut estimate = Estimate::new(start, 5_000_000);
    for _ in 0..100 {
        estimate.sent(start, 1_200);
    }
    let feedback = Feedback {
        base: 0,
        reference_time: 1,
        count: 0,
        deltas: vec![Some(4); 100],
    };
    let now = start + Duration::from_millis(150);
    estimate.feedback(now, &feedback);
    let target = estimate.target();
    for _ in 0..1_000 {
        estimate.feedback(now, &feedback);
    }
    assert_eq!(estimate.unmatched(), 100_000);
    assert_eq!(estimate.target(), target);
}
