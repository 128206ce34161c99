use protocol::lesson::{Command, Phase, Presence, Voice};
use protocol::{Role, Source};

use super::script::{MINUTE, NOBODY, SECOND, Script, actor, call, plan, room, seat};
use crate::lesson::{Actor, Event, Input, Lesson, Row, Saved};

fn back(script: &mut Script, name: &str) {
    script.does(name, Input::Came);
    script.does(name, Input::Published(Source::Room));
}

#[test]
fn everybody_is_back_in_the_same_seat_with_the_same_queue() {
    let mut script = Script::live(plan(4));
    script.bring(1);
    script.does("teacher", Command::MuteAll);
    script.does("room-3", Command::RaiseHand);
    script.does("room-2", Command::RaiseHand);
    let events = script.restart(20 * SECOND);
    assert!(events.contains(&Event::Phase(Phase::Live)));
    assert!(events.contains(&Event::Stage(script.lesson.stage().to_vec())));
    let since = script.now;
    let went = |name: &str| Event::Keep {
        at: since,
        row: Row::Went { seat: seat(name) },
    };
    assert!(events.contains(&went("teacher")) && events.contains(&went("room-4")));
    let view = script.lesson.view(&actor("teacher"));
    assert_eq!(view.teaching, Presence::Away { since });
    script.does("teacher", Input::Came);
    for name in ["room-1", "room-2", "room-3", "room-4"] {
        back(&mut script, name);
    }
    script.wait(10 * MINUTE);
    assert_eq!((script.on_stage(), script.hands()), (vec![1], vec![3, 2]));
    assert_eq!(script.voice(1), Some(Voice::Muted));
}

#[test]
fn nobody_loses_anything_because_the_relay_was_off_for_long() {
    let mut script = Script::live(plan(2));
    script.bring(1);
    script.does("room-2", Command::RaiseHand);
    script.restart(20 * MINUTE);
    script.wait(30 * SECOND);
    assert_eq!((script.on_stage(), script.hands()), (vec![1], vec![2]));
    script.wait(5 * MINUTE);
    assert_eq!((script.on_stage(), script.hands()), (vec![], vec![]));
}

#[test]
fn a_call_goes_on_where_it_was() {
    let mut script = Script::live(plan(1));
    script.does("teacher", call(1));
    let id = script.call_of(1);
    script.does("room-1", Command::Consent { call: id });
    script.does("room-1", Input::Prepared);
    script.wait(2 * SECOND);
    script.poll();
    let events = script.restart(5 * MINUTE);
    assert!(events.contains(&Event::Prepare(room(1))));
    script.wait(2 * SECOND);
    assert_eq!(script.on_stage(), NOBODY, "it is not back yet");
    back(&mut script, "room-1");
    assert_eq!(
        script.on_stage(),
        NOBODY,
        "its keyframe is of a former session"
    );
    script.does("room-1", Input::Prepared);
    assert_eq!(script.on_stage(), [1]);
}

#[test]
fn a_lesson_whose_time_is_over_ends_after_the_restart() {
    let mut script = Script::live(plan(1));
    script.bring(1);
    script.restart(3 * 60 * MINUTE);
    script.poll();
    assert_eq!(script.phase(), Phase::Ended);
    assert_eq!(script.on_stage(), NOBODY);
}

#[test]
fn nobody_waits_for_those_who_only_watched() {
    let mut script = Script::live(plan(1));
    script.does("observer", Input::Came);
    script.restart(SECOND);
    let other = Actor::new(seat("observer"), Role::Recorder);
    let came = script.lesson.handle(script.now, &other, Input::Came);
    assert!(came.is_ok(), "the seat is free");
}

#[test]
fn revisions_go_on_after_a_restart() {
    let mut script = Script::live(plan(1));
    let before = script.lesson.revision();
    script.restart(SECOND);
    assert!(script.lesson.revision() > before);
}

#[test]
fn a_lesson_saved_by_a_newer_program_or_damaged_is_refused() {
    let mut script = Script::live(plan(2));
    script.bring(1);
    let text = serde_json::to_string(&script.lesson.save()).unwrap();
    let newer = text.replacen(r#""v":"1""#, r#""v":"2""#, 1);
    assert_ne!(newer, text);
    assert!(serde_json::from_str::<Saved>(&newer).is_err());
    let damaged = text.replace(r#""stage":4"#, r#""stage":0"#);
    assert_ne!(damaged, text);
    let saved: Saved = serde_json::from_str(&damaged).unwrap();
    assert!(Lesson::restore(script.now, saved).is_err());
}
