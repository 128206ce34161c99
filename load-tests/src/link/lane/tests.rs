use super::*;
use crate::link::profile::{Bottleneck, Loss, Profile};

const MS: Duration = Duration::from_millis(1);
/// With its headers a packet of 1,200 bytes on the wire.
const SIZE: usize = 1172;

/// What came out: when, and the number of the packet.
type Arrivals = Vec<(Duration, u32)>;

/// Sends `count` packets `gap` apart through a lane, and polls it when it says.
fn through(lane: &mut Lane<u32>, start: Instant, count: u32, gap: Duration) -> Arrivals {
    let mut arrivals = Vec::new();
    let mut collect = |lane: &mut Lane<u32>, until: Option<Instant>| {
        while let Some(at) = lane
            .next()
            .filter(|at| until.is_none_or(|until| *at < until))
        {
            while let Some(parcel) = lane.poll(at) {
                arrivals.push((at - start, parcel.route));
            }
        }
    };
    for number in 0..count {
        let at = start + gap * number;
        collect(lane, Some(at));
        let parcel = Parcel {
            bytes: Bytes::from_static(&[0; SIZE]),
            route: number,
        };
        lane.push(at, parcel);
    }
    collect(lane, None);
    arrivals
}

fn steady(conditions: Conditions) -> Lane<u32> {
    Lane::new(vec![(Duration::ZERO, conditions)], 7)
}

fn numbers(arrivals: &Arrivals) -> Vec<u32> {
    arrivals.iter().map(|(_, number)| *number).collect()
}

/// Lengths of the runs of missing numbers.
fn runs(arrivals: &Arrivals) -> Vec<u32> {
    let numbers = numbers(arrivals);
    let steps = numbers.windows(2).map(|pair| pair[1] - pair[0] - 1);
    steps.filter(|missing| *missing > 0).collect()
}

#[test]
fn a_plain_lane_delays_every_packet_exactly() {
    let delay = 20 * MS;
    let mut lane = steady(Conditions {
        delay,
        ..Conditions::default()
    });
    let arrivals = through(&mut lane, Instant::now(), 100, MS);
    assert_eq!(arrivals.len(), 100);
    for (at, number) in arrivals {
        assert_eq!(at, MS * number + delay);
    }
}

#[test]
fn random_loss_is_as_frequent_as_told_and_the_same_for_a_seed() {
    let lossy = |seed| {
        let conditions = Conditions {
            loss: Loss::Random(0.05),
            ..Conditions::default()
        };
        let mut lane = Lane::new(vec![(Duration::ZERO, conditions)], seed);
        let arrivals = through(&mut lane, Instant::now(), 100_000, MS);
        assert_eq!(lane.tally().lost, 100_000 - arrivals.len() as u64);
        numbers(&arrivals)
    };
    let first = lossy(1);
    assert!((94_600..95_400).contains(&first.len()), "{}", first.len());
    assert_eq!(first, lossy(1));
    assert_ne!(first, lossy(2));
}

#[test]
fn bursts_have_their_length_and_their_share() {
    let mut lane = steady(Conditions {
        loss: Loss::Bursts {
            average: 0.02,
            burst: 20.0,
        },
        ..Conditions::default()
    });
    let arrivals = through(&mut lane, Instant::now(), 1_000_000, MS);
    let share = 1.0 - arrivals.len() as f64 / 1e6;
    assert!((0.017..0.023).contains(&share), "{share}");
    let runs = runs(&arrivals);
    let mean = f64::from(runs.iter().sum::<u32>()) / runs.len() as f64;
    assert!((18.0..22.0).contains(&mean), "{mean}");
}

#[test]
fn the_rate_holds_and_the_queue_is_bounded() {
    let mut lane = steady(Conditions {
        delay: 30 * MS,
        bottleneck: Some(Bottleneck {
            bits_per_second: 4_800_000,
            queue_bytes: 60_000,
        }),
        ..Conditions::default()
    });
    // 9.6 Mbit/s into 4.8: a packet every 2 ms comes out.
    let arrivals = through(&mut lane, Instant::now(), 2000, MS);
    for pair in arrivals.windows(2) {
        assert_eq!(pair[1].0 - pair[0].0, 2 * MS);
    }
    let longest = arrivals
        .iter()
        .map(|(at, number)| *at - MS * *number)
        .max()
        .unwrap();
    // 60,000 bytes are 100 ms, one packet more is on its way out; the travelling takes no room in the queue.
    assert!((128 * MS..=132 * MS).contains(&longest), "{longest:?}");
    let tally = lane.tally();
    assert_eq!(tally.overflowed, 2000 - arrivals.len() as u64);
    assert!((948..952).contains(&tally.overflowed), "{tally:?}");
    assert_eq!(tally.lost, 0);
}

#[test]
fn a_line_below_its_rate_queues_nothing() {
    let mut lane = steady(Conditions {
        bottleneck: Some(Bottleneck {
            bits_per_second: 9_600_000,
            queue_bytes: 1600,
        }),
        ..Conditions::default()
    });
    let arrivals = through(&mut lane, Instant::now(), 1000, MS);
    assert_eq!(arrivals.len(), 1000);
    assert!(arrivals.iter().all(|(at, number)| *at == MS * *number));
}

#[test]
fn the_rate_follows_the_schedule() {
    let profile = Profile::load("step-30-5-30").unwrap();
    let mut lane = Lane::new(profile.down(), 7);
    // 20 Mbit/s for the whole profile.
    let gap = Duration::from_micros(480);
    let count = (profile.length.as_micros() / gap.as_micros()) as u32;
    let arrivals = through(&mut lane, Instant::now(), count, gap);
    let mbit = |from: u64, to: u64| {
        let window = Duration::from_secs(from)..Duration::from_secs(to);
        let packets = arrivals
            .iter()
            .filter(|(at, _)| window.contains(at))
            .count();
        packets as f64 * 1200.0 * 8.0 / 1e6 / (to - from) as f64
    };
    assert!((19.9..20.1).contains(&mbit(2, 9)), "{}", mbit(2, 9));
    assert!((4.95..5.05).contains(&mbit(12, 29)), "{}", mbit(12, 29));
    assert!((19.9..20.1).contains(&mbit(32, 59)), "{}", mbit(32, 59));
}

#[test]
fn an_outage_cuts_from_its_first_to_its_last_moment() {
    let profile = Profile::load("outage-5s").unwrap();
    let mut lane = Lane::new(profile.down(), 7);
    let mut start = Instant::now();
    for _ in 0..2 {
        lane.restart(start);
        let arrivals = through(&mut lane, start, 20_000, MS);
        let (before, after): (Vec<u32>, Vec<u32>) = numbers(&arrivals)
            .into_iter()
            .partition(|number| *number < 12_000);
        // What was under way when the line was cut still arrives.
        assert_eq!((before.len(), before.last()), (10_000, Some(&9999)));
        assert_eq!((after.len(), after.first()), (5000, Some(&15_000)));
        start += Duration::from_secs(60);
    }
    assert_eq!(lane.tally().cut, 10_000);
}

#[test]
fn some_packets_arrive_twice() {
    let mut lane = steady(Conditions {
        duplicate: 0.1,
        ..Conditions::default()
    });
    let arrivals = through(&mut lane, Instant::now(), 10_000, MS);
    let twice = arrivals.len() - 10_000;
    assert!((900..1100).contains(&twice), "{twice}");
    let tally = lane.tally();
    assert_eq!(
        (tally.duplicated, tally.delivered),
        (twice as u64, arrivals.len() as u64)
    );
}

#[test]
fn every_tenth_packet_overtakes_its_predecessor() {
    let mut lane = steady(Conditions {
        delay: 20 * MS,
        reorder: Some(10),
        ..Conditions::default()
    });
    let arrivals = through(&mut lane, Instant::now(), 1000, MS);
    let seen = numbers(&arrivals);
    let overtaken = seen.windows(2).filter(|pair| pair[1] < pair[0]).count();
    assert_eq!((seen.len(), overtaken), (1000, 100));
}

#[test]
fn jitter_spreads_delays_and_keeps_the_order() {
    let mut lane = steady(Conditions {
        delay: 30 * MS,
        jitter: 10 * MS,
        ..Conditions::default()
    });
    let arrivals = through(&mut lane, Instant::now(), 1000, 40 * MS);
    let delays: Vec<Duration> = arrivals
        .iter()
        .map(|(at, number)| *at - MS * 40 * *number)
        .collect();
    let (least, most) = (delays.iter().min().unwrap(), delays.iter().max().unwrap());
    assert!((20 * MS..21 * MS).contains(least), "{least:?}");
    assert!((39 * MS..=40 * MS).contains(most), "{most:?}");
    assert!(arrivals.is_sorted_by_key(|(_, number)| *number));
}

#[test]
fn time_does_not_go_back() {
    let start = Instant::now();
    let mut lane = steady(Conditions::default());
    let parcel = |route| Parcel {
        bytes: Bytes::from_static(&[0; SIZE]),
        route,
    };
    lane.push(start + MS, parcel(0));
    lane.push(start, parcel(1));
    let mut seen = Vec::new();
    while let Some(parcel) = lane.poll(start) {
        seen.push(parcel.route);
    }
    assert_eq!(seen, [0, 1]);
}
