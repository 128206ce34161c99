use super::*;

const CAMERA: [LayerRate; 3] = [
    rate_of(2, 350_000),
    rate_of(1, 2_500_000),
    rate_of(0, 12_000_000),
];
const COURSEWARE: [LayerRate; 2] = [rate_of(1, 600_000), rate_of(0, 6_000_000)];

const fn rate_of(layer: u8, bitrate: u64) -> LayerRate {
    LayerRate { layer, bitrate }
}

struct Room {
    allocator: Allocator,
    now: Instant,
    given: [Share; 2],
}

impl Room {
    fn new() -> Self {
        Self {
            allocator: Allocator::default(),
            now: Instant::now(),
            given: [Share::Off; 2],
        }
    }

    /// Camera and courseware after a decision.
    fn after(&mut self, seconds: u64, budget: u64) -> [Share; 2] {
        self.now += Duration::from_secs(seconds);
        let want = |class, layers, given| Want {
            class,
            layers,
            given,
        };
        let wants = [
            want(Class::Camera, &CAMERA[..], self.given[0]),
            want(Class::Courseware, &COURSEWARE[..], self.given[1]),
        ];
        let shares = self.allocator.allocate(self.now, budget, &wants);
        self.given.copy_from_slice(&shares);
        self.given
    }
}

#[test]
fn a_wide_line_carries_everything() {
    assert_eq!(
        Room::new().after(0, 30_000_000),
        [Share::Layer(0), Share::Layer(0)]
    );
}

#[test]
fn a_village_line_carries_courseware_and_a_smaller_camera() {
    assert_eq!(
        Room::new().after(0, 3_800_000),
        [Share::Layer(1), Share::Layer(1)]
    );
}

#[test]
fn courseware_moves_before_the_camera_grows() {
    assert_eq!(
        Room::new().after(0, 10_000_000),
        [Share::Layer(1), Share::Layer(0)]
    );
    assert_eq!(
        Room::new().after(0, 7_200_000),
        [Share::Layer(2), Share::Layer(0)]
    );
}

#[test]
fn a_line_of_one_megabit_keeps_courseware_alone() {
    assert_eq!(Room::new().after(0, 900_000), [Share::Off, Share::Layer(1)]);
}

#[test]
fn courseware_is_squeezed_rather_than_dropped() {
    assert_eq!(
        Room::new().after(0, 440_000),
        [Share::Off, Share::Squeezed(1, 400_000)]
    );
}

#[test]
fn a_camera_alone_is_squeezed_too() {
    let wants = [Want {
        class: Class::Camera,
        layers: &CAMERA[1..],
        given: Share::Off,
    }];
    let give = |budget| Allocator::default().allocate(Instant::now(), budget, &wants);
    assert_eq!(give(1_100_000), [Share::Squeezed(1, 1_000_000)]);
    assert_eq!(
        give(2_250_000),
        [Share::Layer(1)],
        "nothing smaller is there"
    );
}

#[test]
fn what_is_too_much_goes_at_once_and_comes_back_after_a_while() {
    let mut room = Room::new();
    room.after(0, 30_000_000);
    assert_eq!(
        room.after(60, 4_500_000),
        [Share::Layer(1), Share::Layer(1)]
    );
    assert_eq!(
        room.after(1, 30_000_000),
        [Share::Layer(1), Share::Layer(1)],
        "held"
    );
    assert_eq!(
        room.after(1, 30_000_000),
        [Share::Layer(0), Share::Layer(0)]
    );
}

#[test]
fn a_line_that_wavers_waits_longer_every_time() {
    let mut room = Room::new();
    room.after(0, 30_000_000);
    let mut raises = 0;
    for second in 0..120 {
        let before = room.given;
        let after = room.after(
            1,
            if second % 4 == 0 {
                15_000_000
            } else {
                30_000_000
            },
        );
        raises += usize::from(after != before && after == [Share::Layer(0); 2]);
    }
    assert!((3..=9).contains(&raises), "{raises}");
}

#[test]
fn a_rate_that_wavers_around_the_line_changes_nothing() {
    let mut room = Room::new();
    room.after(0, 30_000_000);
    for step in 0..40 {
        let given = room.after(1, 18_000_000 - 400_000 * (step % 3));
        assert_eq!(given, [Share::Layer(0); 2]);
    }
}

#[test]
fn a_layer_that_vanished_is_replaced_at_once() {
    let now = Instant::now();
    let mut allocator = Allocator::default();
    let wants = [Want {
        class: Class::Camera,
        layers: &CAMERA[..2],
        given: Share::Layer(0),
    }];
    assert_eq!(
        allocator.allocate(now, 30_000_000, &wants),
        [Share::Layer(1)]
    );
}

#[test]
fn without_layers_there_is_nothing_to_give() {
    let wants = [Want {
        class: Class::Courseware,
        layers: &[],
        given: Share::Off,
    }];
    let given = Allocator::default().allocate(Instant::now(), u64::MAX / 200, &wants);
    assert_eq!((given, ideal(&wants)), (vec![Share::Off], 0));
}
