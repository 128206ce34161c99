//! Lessons in virtual time: one reading per session and second.

use std::time::UNIX_EPOCH;

use protocol::Source;
use protocol::line::{Remedy, Situation};
use relay_core::key::TrackKey;
use relay_core::line::{Hop, Shown, SlotReading};

use super::*;

const CAMERA: SessionKey = SessionKey(1);
const ROOM: SessionKey = SessionKey(2);

/// How a second went.
#[derive(Clone, Copy)]
struct Second {
    lost: u64,
    unrepaired: u64,
    silence: Duration,
    camera: Shown,
}

const TOP: Shown = Shown::Layer { index: 2, of: 3 };
const CLEAN: Second = Second {
    lost: 0,
    unrepaired: 0,
    silence: Duration::ZERO,
    camera: TOP,
};

struct Lesson {
    book: Book,
    start: Instant,
    now: Instant,
    school: Option<Second>,
    room: Option<Second>,
    records: Vec<Record>,
}

fn lesson_id() -> LessonId {
    "demo".parse().unwrap()
}

fn opened(seat: &str, role: Role, side: Side) -> Opened {
    Opened {
        lesson: lesson_id(),
        seat: seat.parse().unwrap(),
        role,
        side,
    }
}

fn watching() -> Side {
    Side::Watching(vec![Some("camera".into()), None])
}

impl Lesson {
    /// A school's camera and a room that watches it, long enough for layers to have settled.
    fn started() -> Self {
        let start = Instant::now();
        let mut lesson = Self {
            book: Book::new(Wall::new(start, UNIX_EPOCH)),
            start,
            now: start,
            school: Some(CLEAN),
            room: Some(CLEAN),
            records: Vec::new(),
        };
        lesson.open(
            CAMERA,
            opened("centre", Role::Teacher, Side::Publishing(Source::Camera)),
        );
        lesson.open(ROOM, opened("room-7", Role::Room, watching()));
        lesson.run(20);
        lesson
    }

    fn open(&mut self, key: SessionKey, opened: Opened) {
        self.book.opened(self.now, key, opened);
        self.book.connected(self.now, key);
    }

    /// `seconds` go by. Returns what is told to the room at the end of each.
    fn run(&mut self, seconds: u64) -> Vec<Option<Situation>> {
        (0..seconds).map(|_| self.second(ROOM)).collect()
    }

    fn second(&mut self, room: SessionKey) -> Option<Situation> {
        self.now += Duration::from_secs(1);
        let school = self.school.map(|second| {
            let unrepaired = second.unrepaired;
            reading(CAMERA, self.now, second, Hop::Uplink { unrepaired })
        });
        let room = self.room.map(|second| {
            let track = Some(TrackKey {
                session: CAMERA,
                index: 0,
            });
            let camera = SlotReading {
                slot: 0,
                track,
                shown: second.camera,
            };
            let sound = SlotReading {
                slot: 1,
                track,
                shown: Shown::Layer { index: 0, of: 1 },
            };
            let slots = vec![camera, sound];
            reading(room, self.now, second, Hop::Downlink { slots })
        });
        for reading in school.into_iter().chain(room) {
            self.book.read(&reading);
        }
        let records = self.book.review(self.now, false);
        self.records.extend(records);
        self.told("room-7").map(|line| line.situation)
    }

    fn told(&self, seat: &str) -> Option<Line> {
        let id = lesson_id();
        let mut lines = self.book.lines(&id);
        lines
            .find(|(line, _)| line.seat.as_str() == seat)
            .map(|(line, _)| line.clone())
    }
}

fn reading(session: SessionKey, at: Instant, second: Second, hop: Hop) -> Reading {
    Reading {
        at,
        session,
        packets: if second.silence.is_zero() { 1_000 } else { 0 },
        bytes: 1_000_000,
        lost: second.lost,
        resent: second.lost,
        round_trip: Some(Duration::from_millis(40)),
        jitter: Some(Duration::from_millis(3)),
        estimate: Some(5_000_000),
        silence: Some(second.silence),
        hop,
    }
}

#[test]
fn a_good_line_is_told_with_its_figures() {
    let lesson = Lesson::started();
    let line = lesson.told("room-7").unwrap();
    assert_eq!(line.situation, Situation::Good);
    let downlink = line.downlink.unwrap();
    assert_eq!(downlink.figures.rate_bps, 8_000_000);
    assert_eq!(downlink.figures.round_trip_ms, Some(40));
    assert_eq!(
        downlink.figures.loss_after_repair_percent, None,
        "no player told"
    );
    assert_eq!(downlink.slots.len(), 1, "sound has no layers");
    let centre = lesson.told("centre").unwrap();
    assert_eq!((centre.role, centre.uplinks.len()), (Role::Teacher, 1));
}

#[test]
fn loss_shows_and_goes_with_what_was_done_about_it() {
    let mut lesson = Lesson::started();
    lesson.room = Some(Second {
        lost: 120,
        camera: Shown::Paused,
        ..CLEAN
    });
    lesson.run(12);
    let line = lesson.told("room-7").unwrap();
    let expected = Situation::Lossy {
        loss_percent: 12,
        remedy: Remedy::VoiceFirst,
    };
    assert_eq!(line.situation, expected);
    assert_eq!(line.sentence.zh, "贵校下行丢包 12%，已改为语音优先");
    lesson.room = Some(CLEAN);
    // The figures forget after five seconds, the sentence five seconds later.
    assert_eq!(lesson.run(15).last(), Some(&Some(Situation::Good)));
}

#[test]
fn loss_that_feedback_takes_back_shows_by_what_was_sent_again() {
    let mut lesson = Lesson::started();
    let hop = Hop::Downlink { slots: Vec::new() };
    for _ in 0..12 {
        lesson.room = None;
        let mut repaired = reading(ROOM, lesson.now, CLEAN, hop.clone());
        (repaired.lost, repaired.resent) = (4, 80);
        lesson.book.read(&repaired);
        lesson.run(1);
    }
    let line = lesson.told("room-7").unwrap();
    let expected = Situation::Lossy {
        loss_percent: 8,
        remedy: Remedy::Repaired,
    };
    assert_eq!(line.situation, expected);
}

#[test]
fn a_school_that_loses_is_blamed_in_every_room_and_told_so_itself() {
    let mut lesson = Lesson::started();
    lesson.school = Some(Second {
        lost: 60,
        unrepaired: 20,
        ..CLEAN
    });
    lesson.run(12);
    let room = lesson.told("room-7").unwrap().situation;
    assert_eq!(room, Situation::School { loss_percent: 6 });
    let centre = lesson.told("centre").unwrap().situation;
    let expected = Situation::LossyUplink {
        loss_percent: 6,
        repaired: false,
    };
    assert_eq!(centre, expected);
}

#[test]
fn a_cut_is_told_while_it_lasts_and_once_it_is_over() {
    let mut lesson = Lesson::started();
    for second in 1..=6 {
        lesson.room = Some(Second {
            silence: Duration::from_secs(second),
            ..CLEAN
        });
        let told = lesson.run(1)[0];
        let seconds = second as u32;
        let expected = if second < 3 {
            Situation::Good
        } else {
            Situation::Down { seconds }
        };
        assert_eq!(told, Some(expected));
    }
    assert_eq!(lesson.told("room-7").unwrap().outages.count, 1);
    lesson.room = Some(CLEAN);
    let told = lesson.run(20);
    assert_eq!(told[0], Some(Situation::Restored { seconds: 7 }));
    assert_eq!(told[19], Some(Situation::Good));
    let outages = lesson.told("room-7").unwrap().outages;
    assert_eq!((outages.count, outages.total_ms), (1, 7_000));
}

#[test]
fn a_room_that_comes_back_with_a_new_session_is_the_same_line() {
    let mut lesson = Lesson::started();
    for second in 1..=5 {
        lesson.room = Some(Second {
            silence: Duration::from_secs(second),
            ..CLEAN
        });
        lesson.run(1);
    }
    let again = SessionKey(3);
    lesson.open(again, opened("room-7", Role::Room, watching()));
    lesson.book.closed(lesson.now, ROOM, true);
    lesson.room = Some(CLEAN);
    let told = lesson.second(again);
    assert_eq!(told, Some(Situation::Restored { seconds: 6 }));
    for _ in 0..30 {
        lesson.second(again);
    }
    assert_eq!(lesson.told("room-7").unwrap().situation, Situation::Good);
}

#[test]
fn a_client_that_ends_its_session_because_of_a_cut_and_tries_again_was_cut_off() {
    let mut lesson = Lesson::started();
    lesson.book.closed(lesson.now, ROOM, true);
    lesson.room = None;
    let mut told = Vec::new();
    for attempt in 10..16 {
        let key = SessionKey(attempt);
        lesson
            .book
            .opened(lesson.now, key, opened("room-7", Role::Room, watching()));
        told.extend(lesson.run(1));
        lesson.book.closed(lesson.now, key, true);
    }
    let down = |seconds| Some(Situation::Down { seconds });
    assert_eq!(told[3..], [down(4), down(5), down(6)]);
    let again = SessionKey(20);
    lesson.open(again, opened("room-7", Role::Room, watching()));
    lesson.room = Some(CLEAN);
    let back = lesson.second(again);
    assert_eq!(back, Some(Situation::Restored { seconds: 7 }));
    assert_eq!(lesson.told("room-7").unwrap().outages.count, 1);
}

#[test]
fn a_page_that_is_loaded_again_was_not_cut_off() {
    let mut lesson = Lesson::started();
    lesson.book.closed(lesson.now, ROOM, true);
    lesson.room = None;
    lesson.run(1);
    let again = SessionKey(20);
    lesson.open(again, opened("room-7", Role::Room, watching()));
    lesson.room = Some(CLEAN);
    assert_eq!(lesson.second(again), Some(Situation::Good));
    assert_eq!(lesson.told("room-7").unwrap().outages.count, 0);
}

#[test]
fn an_abandoned_session_beside_a_live_one_is_no_outage() {
    let mut lesson = Lesson::started();
    let again = SessionKey(3);
    lesson.open(again, opened("room-7", Role::Room, watching()));
    for second in 1..=30 {
        let abandoned = Second {
            silence: Duration::from_secs(second),
            ..CLEAN
        };
        let hop = Hop::Downlink { slots: Vec::new() };
        lesson.book.read(&reading(ROOM, lesson.now, abandoned, hop));
        assert_eq!(lesson.second(again), Some(Situation::Good));
    }
}

#[test]
fn who_leaves_is_gone_and_who_is_cut_off_is_waited_for() {
    let mut lesson = Lesson::started();
    lesson.room = None;
    lesson.book.closed(lesson.now, ROOM, true);
    assert_eq!(lesson.run(6).last(), Some(&None));

    let mut lesson = Lesson::started();
    lesson.room = None;
    lesson.book.closed(lesson.now, ROOM, false);
    assert_eq!(
        lesson.run(60).last(),
        Some(&Some(Situation::Down { seconds: 60 }))
    );
    assert_eq!(lesson.run(300).last(), Some(&None));
}

#[test]
fn pictures_that_freeze_at_the_player_are_told_although_the_relay_sees_nothing_of_it() {
    let mut lesson = Lesson::started();
    lesson.room = Some(Second { lost: 50, ..CLEAN });
    let seat = "room-7".parse().unwrap();
    for _ in 0..12 {
        let more = Playback {
            freezes: 1,
            freeze_ms: 400,
            packets_lost: 20,
            ..Playback::default()
        };
        lesson.book.played(lesson.now, &lesson_id(), &seat, &more);
        lesson.run(1);
    }
    let line = lesson.told("room-7").unwrap();
    let expected = Situation::Lossy {
        loss_percent: 5,
        remedy: Remedy::Nothing,
    };
    assert_eq!(line.situation, expected);
    assert_eq!(line.playback.unwrap().freezes, 12);
    let figures = line.downlink.unwrap().figures;
    assert!(figures.loss_after_repair_percent > Some(1.0), "{figures:?}");
}

#[test]
fn a_lesson_is_recorded_when_nobody_has_been_there_for_a_minute() {
    let mut lesson = Lesson::started();
    lesson.room = Some(Second {
        lost: 120,
        camera: Shown::Layer { index: 0, of: 3 },
        ..CLEAN
    });
    lesson.run(60);
    let ended = lesson.now;
    for key in [CAMERA, ROOM] {
        lesson.book.closed(lesson.now, key, true);
    }
    (lesson.school, lesson.room) = (None, None);
    lesson.run(59);
    assert!(lesson.records.is_empty(), "too early");
    lesson.run(3);
    let [record] = lesson.records.as_slice() else {
        panic!("{:?}", lesson.records);
    };
    let until = u64::try_from((ended - lesson.start).as_millis()).unwrap();
    assert_eq!(
        (record.from_unix_ms, record.until_unix_ms),
        (0, until + 1_000)
    );
    let [centre, room] = record.lines.as_slice() else {
        panic!("{:?}", record.lines);
    };
    assert_eq!((centre.uplinks.len(), centre.downlink), (1, None));
    let downlink = room.downlink.unwrap();
    assert_eq!((downlink.seconds, downlink.packets), (80, 80_000));
    assert_eq!(downlink.loss_percent, 9.0);
    assert_eq!(downlink.worst_minute.unwrap().loss_percent, 12.0);
    assert_eq!(downlink.loss_after_repair_percent, None);
    assert_eq!(room.layers.len(), 2, "{:?}", room.layers);
    let kinds: Vec<_> = room
        .situations
        .iter()
        .map(|spell| spell.situation.grade())
        .collect();
    assert_eq!(kinds.len(), 2, "{kinds:?}");
    assert!(lesson.told("room-7").is_none() && lesson.book.lessons.is_empty());
}

#[test]
fn a_relay_that_ends_records_every_lesson() {
    let mut lesson = Lesson::started();
    assert_eq!(lesson.book.finish(lesson.now).len(), 1);
    assert!(lesson.book.places.is_empty());
}

#[test]
fn sessions_that_never_connect_leave_nothing() {
    let mut lesson = Lesson::started();
    let key = SessionKey(9);
    lesson
        .book
        .opened(lesson.now, key, opened("room-9", Role::Room, watching()));
    lesson.book.closed(lesson.now, key, true);
    let record = lesson.book.finish(lesson.now).remove(0);
    assert_eq!(record.lines.len(), 2);
}

#[test]
fn a_revision_is_new_when_a_line_is() {
    let mut lesson = Lesson::started();
    lesson.run(5);
    let quiet = lesson.book.revision();
    lesson.run(1);
    assert_eq!(lesson.book.revision(), quiet, "nothing has changed");
    lesson.room = Some(Second { lost: 30, ..CLEAN });
    lesson.run(1);
    let id = lesson_id();
    let newer: Vec<_> = lesson
        .book
        .lines(&id)
        .filter(|(_, revision)| *revision > quiet)
        .map(|(line, _)| line.seat.to_string())
        .collect();
    assert_eq!(newer, ["room-7"]);
}

#[test]
fn readings_of_unknown_sessions_and_absurd_numbers_change_nothing_else() {
    let mut lesson = Lesson::started();
    let hop = Hop::Downlink {
        slots: vec![
            SlotReading {
                slot: 255,
                track: None,
                shown: Shown::Paused,
            };
            300
        ],
    };
    let mut wild = reading(SessionKey(99), lesson.now, CLEAN, hop.clone());
    lesson.book.read(&wild);
    wild.session = ROOM;
    (wild.packets, wild.bytes, wild.lost) = (u64::MAX, u64::MAX, u64::MAX);
    wild.round_trip = Some(Duration::MAX);
    lesson.book.read(&wild);
    lesson.book.read(&wild);
    lesson.book.review(lesson.now, false);
    assert_eq!(lesson.told("room-7").unwrap().role, Role::Room);
}
