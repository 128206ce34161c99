use protocol::lesson::{Command, News, Phase, Reason, Recording, UnixMs};
use protocol::{Role, Source};

use super::script::{MINUTE, NOBODY, SECOND, STARTS, Script, plan, room, seat};
use crate::lesson::{Actor, By, Deed, Event, Input, InvalidPlan, Lesson, Row, Start};

#[test]
fn the_timetable_takes_a_lesson_from_its_opening_to_the_archive() {
    let mut script = Script::new(plan(2));
    script.does("teacher", Input::Came);
    script.wait(50 * MINUTE - 1);
    assert_eq!(script.phase(), Phase::Scheduled);
    script.wait(1);
    assert_eq!(script.phase(), Phase::Open);
    script.does("teacher", Input::Published(Source::Courseware));
    script.wait(10 * MINUTE);
    assert_eq!((script.phase(), script.now), (Phase::Live, STARTS));
    script.wait(50 * MINUTE - 1);
    assert_eq!(
        script.phase(),
        Phase::Live,
        "the bell has gone, the grace has not"
    );
    script.wait(1);
    assert_eq!(script.phase(), Phase::Ended);
    script.events();
    script.wait(60 * MINUTE);
    assert_eq!(script.phase(), Phase::Archived);
    assert_eq!(script.lesson.due(), None);
    let by_clock = |event: &Event| match event {
        Event::Audit(entry) => entry.by == By::Timetable && entry.deed == Some(Deed::Archive),
        _ => false,
    };
    assert!(script.events().iter().any(by_clock));
}

#[test]
fn no_lesson_starts_by_itself_without_a_teacher_who_is_seen_or_heard() {
    let mut script = Script::new(plan(1));
    script.wait(65 * MINUTE);
    assert_eq!(script.phase(), Phase::Open);
    script.does("teacher", Input::Came);
    assert_eq!(script.phase(), Phase::Open);
    script.does("teacher", Input::Published(Source::Camera));
    assert_eq!(script.phase(), Phase::Live, "late, but at once");
}

#[test]
fn by_hand_it_starts_early_and_ends_early() {
    let mut script = Script::new(plan(1));
    script.does("teacher", Input::Came);
    script.refused("teacher", Command::Archive, Reason::NotYourRole);
    script.does("teacher", Command::Start);
    assert_eq!(script.phase(), Phase::Live);
    script.refused("teacher", Command::Start, Reason::NotNow);
    script.does("teacher", Command::End);
    assert_eq!(script.phase(), Phase::Ended);
    script.refused("operator", Command::Start, Reason::NotNow);
    script.does("operator", Command::Archive);
    assert_eq!(script.phase(), Phase::Archived);
}

#[test]
fn a_lesson_that_is_started_by_hand_waits_for_the_hand() {
    let mut by_hand = plan(1);
    by_hand.start = Start::ByHand;
    let mut script = Script::new(by_hand);
    script.does("teacher", Input::Came);
    script.wait(55 * MINUTE);
    script.does("teacher", Input::Published(Source::Camera));
    script.wait(30 * MINUTE);
    assert_eq!(script.phase(), Phase::Open);
    script.wait(30 * MINUTE);
    assert_eq!(script.phase(), Phase::Ended, "nobody held it");
}

#[test]
fn whatever_was_missed_is_made_up_for_at_once() {
    let mut script = Script::new(plan(1));
    script.now = STARTS.plus(24 * 60 * MINUTE);
    script.poll();
    assert_eq!(script.phase(), Phase::Ended);
    let kept = script.kept();
    assert_eq!(kept, [Row::Phase(Phase::Ended)], "it has never been open");
}

#[test]
fn the_end_can_be_moved_and_not_into_the_past() {
    let mut script = Script::live(plan(1));
    script.now = STARTS.plus(45 * MINUTE);
    let until = |until: UnixMs| Command::Extend { until };
    script.refused("teacher", until(script.now), Reason::WrongTime);
    script.refused("teacher", until(UnixMs(u64::MAX)), Reason::WrongTime);
    script.refused(
        "room-1",
        until(STARTS.plus(60 * MINUTE)),
        Reason::NotYourRole,
    );
    script.does("teacher", until(STARTS.plus(60 * MINUTE)));
    script.wait(24 * MINUTE);
    assert_eq!(script.phase(), Phase::Live);
    script.wait(MINUTE);
    assert_eq!(script.phase(), Phase::Ended);
}

#[test]
fn the_end_closes_every_publication_and_empties_the_stage() {
    let mut script = Script::live(plan(3));
    script.bring(2);
    script.does("room-1", Command::RaiseHand);
    script.does("teacher", super::script::call(3));
    script.events();
    script.does("teacher", Command::End);
    assert_eq!((script.on_stage(), script.hands()), (vec![], vec![]));
    let closed = script.events();
    let closed: Vec<_> = closed
        .iter()
        .filter_map(|event| match event {
            Event::Close { seat, source } => Some((seat.as_str(), *source)),
            _ => None,
        })
        .collect();
    let rooms = ["room-1", "room-2", "room-3"].map(|name| (name, Source::Room));
    assert_eq!(closed[..3], rooms);
    assert_eq!(closed[3..], [("teacher", Source::Camera)]);
    script.refused("room-1", Input::Published(Source::Room), Reason::NotNow);
}

#[test]
fn a_clock_that_is_set_back_stops_no_countdown() {
    let mut script = Script::live(plan(1));
    script.does("teacher", super::script::call(1));
    let call = script.call_of(1);
    script.does("room-1", Command::Consent { call });
    script.does("room-1", Input::Prepared);
    script.wait(2 * SECOND);
    script.poll();
    script.now = script.now.minus(8 * MINUTE);
    script.poll();
    assert_eq!(script.on_stage(), NOBODY);
    script.wait(SECOND);
    assert_eq!(script.on_stage(), [1]);
    assert_eq!(
        script.phase(),
        Phase::Live,
        "what has begun does not go back"
    );
}

#[test]
fn a_second_teacher_is_told_so_and_can_be_appointed() {
    let mut script = Script::live(plan(1));
    let substitute = Actor::new(seat("substitute"), Role::Teacher);
    let now = script.now;
    let refused = script.lesson.handle(now, &substitute, Input::Came);
    assert_eq!(refused.unwrap_err().reason, Reason::AnotherTeacher);
    let appoint = |teacher| Command::Appoint { teacher };
    script.refused("teacher", appoint(seat("substitute")), Reason::NotYourRole);
    script.refused("operator", appoint(room(1)), Reason::SeatTaken);
    script.does("operator", appoint(seat("substitute")));
    let close = Event::Close {
        seat: seat("teacher"),
        source: Source::Camera,
    };
    let events = script.events();
    assert!(events.contains(&close));
    let went = |event: &Event| match event {
        Event::Keep { row, .. } => {
            *row == Row::Went {
                seat: seat("teacher"),
            }
        }
        _ => false,
    };
    assert!(events.iter().any(went));
    assert!(script.lesson.handle(now, &substitute, Input::Came).is_ok());
    script.refused("teacher", Command::MuteAll, Reason::AnotherTeacher);
}

#[test]
fn a_teacher_who_has_gone_does_not_go_again() {
    let mut script = Script::live(plan(1));
    script.does("teacher", Input::Went);
    script.events();
    let teacher = seat("substitute");
    script.does("operator", Command::Appoint { teacher });
    assert_eq!(script.kept(), []);
}

#[test]
fn nothing_is_recorded_before_the_beginning() {
    let mut script = Script::new(plan(1));
    let mut told = |command| {
        script.does("teacher", command);
        let told = script.told("room-1");
        let recording = told.iter().find_map(|news| match news {
            News::Phase { recording, .. } => Some(*recording),
            _ => None,
        });
        recording.unwrap()
    };
    assert_eq!(told(Command::Open), Recording::Off);
    assert_eq!(told(Command::Start), Recording::Lesson);
    assert_eq!(told(Command::End), Recording::Off);
}

#[test]
fn a_plan_that_contradicts_itself_is_refused() {
    let refused = |change: fn(&mut crate::lesson::Plan)| {
        let mut plan = plan(2);
        change(&mut plan);
        Lesson::new(STARTS, plan).unwrap_err()
    };
    assert_eq!(refused(|plan| plan.ends = plan.starts), InvalidPlan::Times);
    assert_eq!(refused(|plan| plan.stage = 5), InvalidPlan::Stage);
    assert_eq!(
        refused(|plan| plan.rooms[1].seat = room(1)),
        InvalidPlan::Twice(room(1))
    );
    assert_eq!(
        refused(|plan| plan.teacher = room(2)),
        InvalidPlan::Twice(room(2))
    );
    assert_eq!(
        refused(|plan| plan.sources = vec![Source::Room]),
        InvalidPlan::RoomAsSource
    );
}
