//! Receivers without transport-wide feedback.

use std::time::{Duration, Instant};

use congestion::estimate::{Estimate, MAX_TARGET, MIN_TARGET};

const START: u64 = 5_000_000;

fn seconds(start: Instant, seconds: u64) -> Instant {
    start + Duration::from_secs(seconds)
}

#[test]
fn remb_is_a_cap_for_a_while_and_nonsense_is_none() {
    let start = Instant::now();
    let mut estimate = Estimate::new(start, START);
    for nonsense in [0, 10_000_000_001, 1 << 62, u64::MAX] {
        estimate.remb(start, nonsense);
        assert_eq!(estimate.target(), START);
    }
    estimate.remb(start, 1_000_000);
    assert_eq!(estimate.target(), 1_000_000);
    estimate.remb(start, 1);
    assert_eq!(estimate.target(), MIN_TARGET);
    estimate.poll(seconds(start, 9));
    assert_eq!(estimate.target(), MIN_TARGET);
    estimate.poll(seconds(start, 11));
    assert_eq!(estimate.target(), START);
    estimate.remb(seconds(start, 12), 12_000_000);
    assert_eq!(estimate.target(), 12_000_000, "there is nothing else");
}

#[test]
fn without_loss_the_target_rises_and_with_much_it_falls() {
    let start = Instant::now();
    let mut estimate = Estimate::new(start, START);
    for second in 0..=10 {
        estimate.reception(seconds(start, second), 0, None);
    }
    let risen = estimate.target();
    assert!((10_500_000..11_000_000).contains(&risen), "{risen}");
    estimate.reception(seconds(start, 11), 128, Some(Duration::from_millis(70)));
    assert_eq!(estimate.target(), risen * 3 / 4);
    assert_eq!(estimate.round_trip(), Some(Duration::from_millis(70)));
    assert!(estimate.loss() > 0.1);
    for second in 12..1_000 {
        estimate.reception(seconds(start, second), 255, None);
    }
    assert_eq!(estimate.target(), MIN_TARGET);
    for second in 1_000..2_000 {
        estimate.reception(seconds(start, second), 0, None);
    }
    assert_eq!(estimate.target(), MAX_TARGET);
}

#[test]
fn loss_that_does_not_go_with_the_rate_is_the_lines() {
    let start = Instant::now();
    let mut estimate = Estimate::new(start, START);
    for second in 0..60 {
        // 15 %, whatever is sent.
        estimate.reception(seconds(start, second), 38, None);
    }
    assert!(estimate.target() >= START, "{}", estimate.target());
}
