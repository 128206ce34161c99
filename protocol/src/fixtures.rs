//! The fixtures agree with the types. `UPDATE_FIXTURES=1 cargo test -p protocol` writes them anew.

mod lesson;

use std::fs;
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::event::{Event, Message, Request, VERSION};
use crate::line::{
    Downlink, Figures, Grade, Hop, Line, Listener, Outages, Playback, Remedy, Sentence, Shown,
    Situation, Slot, Uplink,
};
use crate::record::{
    LayerChange, LineRecord, Outage, Record, Spell, Totals, UplinkRecord, WorstMinute,
};
use crate::{Problem, Role, SeatId, Source};

/// One of every kind of situation, and those whose sentences differ in more than a number.
pub(crate) fn situations() -> Vec<Situation> {
    let lossy = |loss_percent, remedy| Situation::Lossy {
        loss_percent,
        remedy,
    };
    let narrow = |carries_kbps, remedy| Situation::Narrow {
        carries_kbps,
        remedy,
    };
    let uplink = |loss_percent, repaired| Situation::LossyUplink {
        loss_percent,
        repaired,
    };
    vec![
        Situation::Good,
        lossy(3, Remedy::Repaired),
        lossy(5, Remedy::SmallerCamera),
        lossy(8, Remedy::FewerFrames),
        lossy(12, Remedy::VoiceFirst),
        lossy(25, Remedy::Nothing),
        narrow(Some(14_000), Remedy::SmallerStage),
        narrow(Some(9_000), Remedy::SmallerCamera),
        narrow(Some(3_800), Remedy::FewerFrames),
        narrow(Some(900), Remedy::VoiceFirst),
        narrow(None, Remedy::SmallerCamera),
        Situation::Slow { round_trip_ms: 850 },
        uplink(4, true),
        uplink(9, false),
        Situation::Down { seconds: 7 },
        Situation::Restored { seconds: 7 },
        Situation::School { loss_percent: 6 },
        Situation::SchoolDown { seconds: 4 },
        Situation::Overloaded,
    ]
}

#[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
struct Told {
    situation: Situation,
    grade: Grade,
    hop: Option<Hop>,
    owner: Sentence,
    onlooker: Sentence,
}

#[test]
fn sentences() {
    let told = |situation: Situation| Told {
        situation,
        grade: situation.grade(),
        hop: situation.hop(),
        owner: situation.sentence(Listener::Owner),
        onlooker: situation.sentence(Listener::Onlooker),
    };
    agree(
        "sentences",
        &situations().into_iter().map(told).collect::<Vec<_>>(),
    );
}

#[test]
fn events() {
    let event = |seq, event| Message {
        v: VERSION,
        seq,
        event,
    };
    agree(
        "event-snapshot",
        &event(
            1,
            Event::Snapshot {
                lesson: "demo".parse().unwrap(),
                seat: seat("room-7"),
                lines: vec![good(), school()],
            },
        ),
    );
    agree("event-line", &event(2, Event::Line { line: lossy() }));
    agree(
        "event-gone",
        &event(
            3,
            Event::Gone {
                seat: seat("room-7"),
            },
        ),
    );
    let problem = Problem {
        kind: "/problems/bad-token".into(),
        title: "Token not accepted".into(),
        status: 401,
        detail: "the token has expired: ask for a new one".into(),
    };
    agree("event-problem", &event(1, Event::Problem { problem }));
}

#[test]
fn requests() {
    agree(
        "request-hello",
        &Request::Hello {
            token: Some("eyJhbGciOiJIUzI1NiJ9.e30.c2ln".into()),
            seat: None,
        },
    );
    agree(
        "request-hello-local",
        &Request::Hello {
            token: None,
            seat: Some(seat("room-7")),
        },
    );
    agree("request-playback", &Request::Playback(playback()));
}

#[test]
fn record() {
    let at = |second: u64| 1_795_182_302_000 + 1_000 * second;
    let totals = Totals {
        seconds: 2_400,
        packets: 4_900_000,
        bytes: 5_600_000_000,
        loss_percent: 1.25,
        loss_after_repair_percent: Some(0.01),
        resent: 61_000,
        round_trip_ms_mean: Some(31),
        round_trip_ms_max: Some(240),
        jitter_ms_max: Some(35),
        estimate_bps_min: Some(900_000),
        worst_minute: Some(WorstMinute {
            until_unix_ms: at(660),
            loss_percent: 11.8,
        }),
    };
    let change = |second, shown| LayerChange {
        at_unix_ms: at(second),
        slot: "camera".into(),
        shown,
    };
    let spell = |second, situation| Spell {
        from_unix_ms: at(second),
        situation,
    };
    let loss = Situation::Lossy {
        loss_percent: 12,
        remedy: Remedy::VoiceFirst,
    };
    let room = LineRecord {
        seat: seat("room-7"),
        role: Role::Room,
        from_unix_ms: at(3),
        downlink: Some(totals),
        uplinks: vec![UplinkRecord {
            source: Source::Room,
            totals: Totals::default(),
        }],
        playback: Some(playback()),
        outages: vec![Outage {
            from_unix_ms: at(900),
            lasted_ms: 5_200,
        }],
        layers: vec![
            change(
                4,
                Some(Shown::Layer {
                    layer: 2,
                    layers: 3,
                }),
            ),
            change(600, Some(Shown::Paused)),
            change(2_400, None),
        ],
        situations: vec![
            spell(4, Situation::Good),
            spell(602, loss),
            spell(690, Situation::Good),
        ],
        omitted: 0,
    };
    agree(
        "record",
        &Record {
            v: 1,
            lesson: "demo".parse().unwrap(),
            from_unix_ms: at(0),
            until_unix_ms: at(2_410),
            lines: vec![room],
        },
    );
}

#[test]
fn what_is_not_known_is_skipped() {
    let text = r#"{"v":1,"seq":9,"type":"gone","seat":"room-7","why":"bell"}"#;
    let message: Message = serde_json::from_str(text).unwrap();
    assert_eq!(
        message.event,
        Event::Gone {
            seat: seat("room-7")
        }
    );
    let request: Request = serde_json::from_str(r#"{"type":"playback","freezes":2}"#).unwrap();
    let two = Playback {
        freezes: 2,
        ..Playback::default()
    };
    assert_eq!(request, Request::Playback(two));
}

#[test]
fn what_is_wrong_is_refused() {
    for text in [
        "",
        "{}",
        r#"{"type":"leave"}"#,
        r#"{"type":"playback","freezes":-1}"#,
        r#"{"type":"playback","freezes":"2"}"#,
        r#"{"type":"hello","seat":"a/b"}"#,
        r#"{"type":"hello","token":7}"#,
    ] {
        assert!(serde_json::from_str::<Request>(text).is_err(), "{text}");
    }
}

fn seat(name: &str) -> SeatId {
    name.parse().unwrap()
}

fn playback() -> Playback {
    Playback {
        freezes: 2,
        freeze_ms: 640,
        concealed_ms: 120,
        frames_decoded: 5_400,
        packets_lost: 31,
    }
}

fn line(name: &str, role: Role, situation: Situation) -> Line {
    Line {
        seat: seat(name),
        role,
        grade: situation.grade(),
        hop: situation.hop(),
        situation,
        sentence: situation.sentence(Listener::Owner),
        downlink: None,
        uplinks: Vec::new(),
        playback: None,
        outages: Outages::default(),
    }
}

fn slot(slot: &str, shown: Shown) -> Slot {
    let slot = slot.into();
    Slot { slot, shown }
}

fn good() -> Line {
    Line {
        downlink: Some(Downlink {
            figures: Figures {
                rate_bps: 18_400_000,
                loss_percent: 0.1,
                loss_after_repair_percent: Some(0.0),
                round_trip_ms: Some(24),
                jitter_ms: Some(3),
            },
            estimate_bps: Some(31_000_000),
            slots: vec![
                slot(
                    "camera",
                    Shown::Layer {
                        layer: 2,
                        layers: 3,
                    },
                ),
                slot(
                    "courseware",
                    Shown::Layer {
                        layer: 0,
                        layers: 1,
                    },
                ),
            ],
        }),
        playback: Some(Playback::default()),
        ..line("room-7", Role::Room, Situation::Good)
    }
}

fn lossy() -> Line {
    let situation = Situation::Lossy {
        loss_percent: 12,
        remedy: Remedy::VoiceFirst,
    };
    Line {
        downlink: Some(Downlink {
            figures: Figures {
                rate_bps: 640_000,
                loss_percent: 12.3,
                loss_after_repair_percent: Some(0.25),
                round_trip_ms: Some(86),
                jitter_ms: Some(21),
            },
            estimate_bps: Some(900_000),
            slots: vec![
                slot("camera", Shown::Paused),
                slot(
                    "courseware",
                    Shown::Layer {
                        layer: 0,
                        layers: 2,
                    },
                ),
            ],
        }),
        playback: Some(playback()),
        outages: Outages {
            count: 1,
            total_ms: 5_200,
        },
        ..line("room-7", Role::Room, situation)
    }
}

fn school() -> Line {
    let uplink = |source, rate_bps, loss_percent| Uplink {
        source,
        figures: Figures {
            rate_bps,
            loss_percent,
            loss_after_repair_percent: Some(0.0),
            round_trip_ms: Some(11),
            jitter_ms: Some(1),
        },
    };
    let situation = Situation::LossyUplink {
        loss_percent: 4,
        repaired: true,
    };
    Line {
        uplinks: vec![
            uplink(Source::Camera, 12_000_000, 4.0),
            uplink(Source::Courseware, 6_500_000, 3.8),
        ],
        ..line("centre", Role::Teacher, situation).told_to(Listener::Onlooker)
    }
}

/// The file is what `value` is written as, and is read back as `value`.
fn agree<T>(name: &str, value: &T)
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/{name}.json"));
    let written = serde_json::to_string_pretty(value).unwrap() + "\n";
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        fs::write(&path, &written).unwrap();
    }
    let stored = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(stored, written, "{}", path.display());
    assert_eq!(&serde_json::from_str::<T>(&stored).unwrap(), value);
}
