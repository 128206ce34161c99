//! What is the matter with a line at this moment, from what is known of every hop. Whether to tell is for [`super::steady`].

use std::time::Duration;

use protocol::line::{Remedy, Shown, Situation, Slot};

use super::recent::Sum;

/// Loss in percent from which it is worth a word.
const LOSSY: f64 = 2.0;
/// Loss after repair in percent from which pictures suffer.
const VISIBLE: f64 = 0.5;
/// Frozen share of the time from which pictures suffer.
const FROZEN: f64 = 0.02;
/// Loss in percent that repair does not hide from players, as far as they do not tell.
const BEYOND_REPAIR: f64 = 15.0;
/// Fewer packets in the last seconds say nothing.
const MEANINGFUL: u64 = 50;
/// A round trip that people notice when they answer.
const SLOW: Duration = Duration::from_millis(600);

/// Everything that is known.
#[derive(Debug, Clone, Copy, Default)]
pub struct Evidence<'a> {
    /// Nothing was heard of the seat for so long.
    pub cut: Option<Duration>,
    /// It was just cut for so long.
    pub restored: Option<Duration>,
    /// The relay cannot keep up.
    pub overloaded: bool,
    /// What the seat receives.
    pub downlink: Option<Receiving<'a>>,
    /// The worst of what the seat sends.
    pub uplink: Sum,
    /// What the school sends, as far as the seat is shown it.
    pub school: School,
    /// The longest round trip of the seat's sessions.
    pub round_trip: Duration,
}

/// What a seat receives.
#[derive(Debug, Clone, Copy)]
pub struct Receiving<'a> {
    /// Over the last seconds.
    pub sum: Sum,
    /// The share of the last seconds in which a picture stood still; `None` when no player tells.
    pub frozen: Option<f64>,
    /// What it is estimated to carry, bit/s.
    pub estimate: Option<u64>,
    /// The pictures it is sent.
    pub slots: &'a [Slot],
    /// Whether it has been there for long enough that its layers are those it carries.
    pub is_settled: bool,
}

/// The sources that a seat is shown, taken together.
#[derive(Debug, Clone, Copy, Default)]
pub struct School {
    /// Nothing was heard of one of them for so long.
    pub cut: Option<Duration>,
    /// The worst of them over the last seconds.
    pub sum: Sum,
}

/// What is the matter: of several things the one that explains most.
pub fn judge(evidence: &Evidence<'_>) -> Situation {
    if let Some(cut) = evidence.cut {
        return Situation::Down {
            seconds: seconds(cut),
        };
    }
    if evidence.overloaded {
        return Situation::Overloaded;
    }
    if let Some(cut) = evidence.school.cut {
        return Situation::SchoolDown {
            seconds: seconds(cut),
        };
    }
    downlink(evidence)
        .or_else(|| uplink(evidence))
        .or_else(|| school(evidence))
        .or_else(|| slow(evidence))
        .or_else(|| restored(evidence))
        .unwrap_or(Situation::Good)
}

fn downlink(evidence: &Evidence<'_>) -> Option<Situation> {
    let receiving = evidence.downlink?;
    let shed = shed(receiving.slots);
    let Sum { packets, .. } = receiving.sum;
    if packets >= MEANINGFUL && receiving.sum.loss_percent() >= LOSSY {
        let suffers = match receiving.frozen {
            Some(frozen) => receiving.sum.unrepaired_percent() >= VISIBLE || frozen >= FROZEN,
            None => receiving.sum.loss_percent() >= BEYOND_REPAIR,
        };
        let remedy = match shed {
            Some(shed) => shed,
            None if suffers => Remedy::Nothing,
            None => Remedy::Repaired,
        };
        return Some(Situation::Lossy {
            loss_percent: percent(receiving.sum.loss_percent()),
            remedy,
        });
    }
    let remedy = shed.filter(|_| receiving.is_settled)?;
    Some(Situation::Narrow {
        carries_kbps: receiving.estimate.map(two_digits),
        remedy,
    })
}

fn uplink(evidence: &Evidence<'_>) -> Option<Situation> {
    let sum = evidence.uplink;
    let is_lossy = sum.packets >= MEANINGFUL && sum.loss_percent() >= LOSSY;
    is_lossy.then(|| Situation::LossyUplink {
        loss_percent: percent(sum.loss_percent()),
        repaired: sum.unrepaired_percent() < VISIBLE,
    })
}

/// What was repaired on its way from the school is no room's concern.
fn school(evidence: &Evidence<'_>) -> Option<Situation> {
    let sum = evidence.school.sum;
    let is_seen = sum.packets >= MEANINGFUL && sum.unrepaired_percent() >= VISIBLE;
    is_seen.then(|| Situation::School {
        loss_percent: percent(sum.loss_percent().max(sum.unrepaired_percent())),
    })
}

fn slow(evidence: &Evidence<'_>) -> Option<Situation> {
    let round_trip_ms = u32::try_from(evidence.round_trip.as_millis()).unwrap_or(u32::MAX);
    (evidence.round_trip >= SLOW).then_some(Situation::Slow {
        round_trip_ms: round_trip_ms / 10 * 10,
    })
}

fn restored(evidence: &Evidence<'_>) -> Option<Situation> {
    evidence.restored.map(|cut| Situation::Restored {
        seconds: seconds(cut),
    })
}

/// The strongest of what was taken from the pictures; `None` when nothing was.
fn shed(slots: &[Slot]) -> Option<Remedy> {
    let of = |name: &str| slots.iter().find(|slot| slot.slot == name);
    let is_paused = |slot: &Slot| slot.shown == Shown::Paused;
    if of("camera").is_some_and(is_paused) || of("courseware").is_some_and(is_paused) {
        return Some(Remedy::VoiceFirst);
    }
    if of("courseware").is_some_and(|slot| !slot.shown.is_full()) {
        return Some(Remedy::FewerFrames);
    }
    if of("camera").is_some_and(|slot| !slot.shown.is_full()) {
        return Some(Remedy::SmallerCamera);
    }
    slots
        .iter()
        .any(|slot| !slot.shown.is_full())
        .then_some(Remedy::SmallerStage)
}

fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX).max(1)
}

/// In whole percent; what is worth a word is at least one.
fn percent(value: f64) -> u8 {
    value.round().clamp(1.0, 100.0) as u8
}

/// In kbit/s with two significant digits: more would be pretence.
fn two_digits(bps: u64) -> u32 {
    let kbps = u32::try_from(bps / 1_000).unwrap_or(u32::MAX);
    let unit = 10u32.pow(kbps.checked_ilog10().unwrap_or(0).saturating_sub(1));
    kbps / unit * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(camera: Shown, courseware: Shown) -> [Slot; 2] {
        let slot = |slot: &str, shown| Slot {
            slot: slot.into(),
            shown,
        };
        [slot("camera", camera), slot("courseware", courseware)]
    }

    const fn layer(layer: u8, layers: u8) -> Shown {
        Shown::Layer { layer, layers }
    }

    const FULL: (Shown, Shown) = (layer(2, 3), layer(1, 2));

    fn sum(lost: u64, unrepaired: u64) -> Sum {
        Sum {
            packets: 1_000,
            bytes: 1_000_000,
            lost,
            unrepaired,
        }
    }

    fn receiving(sum: Sum, slots: &[Slot]) -> Evidence<'_> {
        Evidence {
            downlink: Some(Receiving {
                sum,
                frozen: Some(0.0),
                estimate: Some(3_876_000),
                slots,
                is_settled: true,
            }),
            ..Evidence::default()
        }
    }

    #[test]
    fn what_was_done_about_loss_is_told() {
        for (lost, unrepaired, (camera, courseware), remedy) in [
            (50, 1, FULL, Remedy::Repaired),
            (50, 9, FULL, Remedy::Nothing),
            (50, 9, (layer(1, 3), layer(1, 2)), Remedy::SmallerCamera),
            (50, 9, (layer(0, 3), layer(0, 2)), Remedy::FewerFrames),
            (50, 9, (Shown::Paused, layer(0, 2)), Remedy::VoiceFirst),
            (50, 9, (layer(0, 3), Shown::Paused), Remedy::VoiceFirst),
        ] {
            let slots = slots(camera, courseware);
            let loss_percent = 5;
            let expected = Situation::Lossy {
                loss_percent,
                remedy,
            };
            let evidence = receiving(sum(lost, unrepaired), &slots);
            assert_eq!(judge(&evidence), expected, "{slots:?}");
        }
    }

    #[test]
    fn pictures_that_players_see_freeze_are_not_called_repaired() {
        let slots = slots(FULL.0, FULL.1);
        let mut evidence = receiving(sum(50, 0), &slots);
        evidence.downlink.as_mut().unwrap().frozen = Some(0.1);
        let expected = Situation::Lossy {
            loss_percent: 5,
            remedy: Remedy::Nothing,
        };
        assert_eq!(judge(&evidence), expected);
    }

    #[test]
    fn much_loss_is_not_called_repaired_when_no_player_tells_so() {
        let slots = slots(FULL.0, FULL.1);
        for (lost, remedy) in [(100, Remedy::Repaired), (200, Remedy::Nothing)] {
            let mut evidence = receiving(sum(lost, 0), &slots);
            evidence.downlink.as_mut().unwrap().frozen = None;
            let found = judge(&evidence);
            assert!(
                matches!(found, Situation::Lossy { remedy: r, .. } if r == remedy),
                "{found:?}"
            );
        }
    }

    #[test]
    fn a_clean_line_with_less_than_everything_is_narrow_once_it_has_settled() {
        let slots = slots(layer(1, 3), layer(1, 2));
        let mut evidence = receiving(sum(3, 0), &slots);
        let expected = Situation::Narrow {
            carries_kbps: Some(3_800),
            remedy: Remedy::SmallerCamera,
        };
        assert_eq!(judge(&evidence), expected);
        evidence.downlink.as_mut().unwrap().is_settled = false;
        assert_eq!(judge(&evidence), Situation::Good);
    }

    #[test]
    fn a_few_packets_prove_nothing() {
        let slots = slots(FULL.0, FULL.1);
        let few = Sum {
            packets: 20,
            lost: 20,
            ..Sum::default()
        };
        assert_eq!(judge(&receiving(few, &slots)), Situation::Good);
    }

    #[test]
    fn the_hop_to_blame_is_found() {
        let slots = slots(FULL.0, FULL.1);
        let clean = receiving(sum(0, 0), &slots);
        let school = School {
            cut: None,
            sum: sum(60, 12),
        };
        let room_uplink = Evidence {
            uplink: sum(40, 0),
            ..clean
        };
        let repaired_by_school = Evidence {
            school: School {
                cut: None,
                sum: sum(60, 2),
            },
            ..clean
        };
        let cut = Some(Duration::from_millis(4_700));
        for (evidence, expected) in [
            (clean, Situation::Good),
            (
                Evidence { school, ..clean },
                Situation::School { loss_percent: 6 },
            ),
            (repaired_by_school, Situation::Good),
            (
                room_uplink,
                Situation::LossyUplink {
                    loss_percent: 4,
                    repaired: true,
                },
            ),
            (
                Evidence {
                    school: School { cut, ..school },
                    ..clean
                },
                Situation::SchoolDown { seconds: 4 },
            ),
            (
                Evidence {
                    overloaded: true,
                    ..room_uplink
                },
                Situation::Overloaded,
            ),
            (
                Evidence {
                    overloaded: true,
                    cut,
                    ..clean
                },
                Situation::Down { seconds: 4 },
            ),
            (
                Evidence {
                    restored: cut,
                    ..clean
                },
                Situation::Restored { seconds: 4 },
            ),
            (
                Evidence {
                    round_trip: Duration::from_millis(857),
                    ..clean
                },
                Situation::Slow { round_trip_ms: 850 },
            ),
        ] {
            assert_eq!(judge(&evidence), expected, "{evidence:?}");
        }
    }

    #[test]
    fn a_room_with_loss_of_its_own_is_told_of_that_first() {
        let slots = slots(FULL.0, FULL.1);
        let both = Evidence {
            school: School {
                cut: None,
                sum: sum(60, 60),
            },
            ..receiving(sum(120, 0), &slots)
        };
        assert!(matches!(judge(&both), Situation::Lossy { .. }));
    }

    #[test]
    fn rates_have_two_digits() {
        for (bps, kbps) in [
            (0, 0),
            (999, 0),
            (87_654, 87),
            (3_876_000, 3_800),
            (25_900_000, 25_000),
        ] {
            assert_eq!(two_digits(bps), kbps);
        }
        assert_eq!(two_digits(u64::MAX), 4_200_000_000);
    }
}
