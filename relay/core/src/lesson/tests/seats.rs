use protocol::lesson::{Command, News, Presence, Reason, Whisper};
use protocol::{Role, Source};

use super::script::{MINUTE, NOBODY, SECOND, Script, actor, plan, room, seat};
use crate::lesson::{Actor, Input, Row};

fn presence(script: &Script, n: usize) -> Presence {
    script.lesson.view(&actor("teacher")).rooms[n - 1].presence
}

#[test]
fn a_seat_with_two_screens_is_there_until_both_have_gone() {
    let mut script = Script::live(plan(1));
    script.does("room-1", Input::Came);
    assert_eq!(script.kept(), []);
    script.does("room-1", Input::Went);
    assert_eq!(presence(&script, 1), Presence::Here);
    script.does("room-1", Input::Went);
    let since = script.now;
    assert_eq!(presence(&script, 1), Presence::Away { since });
    assert_eq!(script.kept(), [Row::Went { seat: room(1) }]);
    script.does("room-1", Input::Went);
    assert_eq!(script.kept(), [], "gone is gone");
}

#[test]
fn attendance_is_kept_for_everybody_and_told_of_those_who_take_part() {
    let mut script = Script::live(plan(1));
    script.does("observer", Input::Came);
    let row = Row::Came {
        seat: seat("observer"),
        role: Role::Observer,
    };
    assert_eq!(script.kept(), [row]);
    script.does("observer", Input::Went);
    assert_eq!(script.told("room-1"), [], "watching is silent");
    script.does("room-1", Input::Went);
    assert!(matches!(
        script.told("observer")[..],
        [News::Presence { .. }]
    ));
}

#[test]
fn a_room_that_was_cut_finds_its_hand_and_its_place_again() {
    let mut script = Script::live(plan(3));
    script.bring(1);
    script.does("room-2", Command::RaiseHand);
    script.does("room-3", Command::RaiseHand);
    for name in ["room-1", "room-2"] {
        script.does(name, Input::Unpublished(Source::Room));
        script.does(name, Input::Went);
    }
    script.wait(59 * SECOND);
    for name in ["room-1", "room-2"] {
        script.does(name, Input::Came);
    }
    script.wait(10 * MINUTE);
    assert_eq!((script.on_stage(), script.hands()), (vec![1], vec![2, 3]));
}

#[test]
fn a_room_that_stays_away_loses_its_place_first_and_then_its_hand() {
    let mut script = Script::live(plan(2));
    script.bring(1);
    script.does("room-2", Command::RaiseHand);
    script.does("room-1", Input::Went);
    script.does("room-2", Input::Went);
    script.wait(MINUTE);
    assert_eq!((script.on_stage(), script.hands()), (vec![], vec![2]));
    script.wait(4 * MINUTE);
    assert_eq!(script.hands(), NOBODY);
}

#[test]
fn seats_belong_to_those_whom_the_plan_names() {
    let mut script = Script::live(plan(1));
    script.refused("room-9", Input::Came, Reason::NotInvited);
    let now = script.now;
    let stranger = Actor::new(room(1), Role::Observer);
    let refused = script.lesson.handle(now, &stranger, Input::Came);
    assert_eq!(refused.unwrap_err().reason, Reason::SeatTaken);
    script.does("observer", Input::Came);
    let other = Actor::new(seat("observer"), Role::Recorder);
    let refused = script.lesson.handle(now, &other, Input::Came);
    assert_eq!(refused.unwrap_err().reason, Reason::SeatTaken);
    let went = script.lesson.handle(now, &stranger, Input::Went);
    assert!(went.is_ok());
    assert_eq!(
        presence(&script, 1),
        Presence::Here,
        "nobody ends another's"
    );
}

#[test]
fn one_more_room_can_be_invited() {
    let mut script = Script::live(plan(1));
    let invite = |n| Command::Invite {
        seat: room(n),
        name: " 第九教室\n".into(),
    };
    script.refused("teacher", invite(1), Reason::SeatTaken);
    script.does("observer", Input::Came);
    let watching = Command::Invite {
        seat: seat("observer"),
        name: "听课".into(),
    };
    script.refused("teacher", watching, Reason::SeatTaken);
    script.does("teacher", invite(9));
    let rooms = script.lesson.view(&actor("room-1")).rooms;
    assert_eq!(rooms[1].name, "第九教室");
    script.does("room-9", Input::Came);
}

#[test]
fn sources_are_those_of_the_plan() {
    let mut script = Script::live(plan(1));
    let board = Input::Published(Source::Board);
    script.refused("teacher", board, Reason::UnknownSource);
}

#[test]
fn who_is_not_there_gives_no_orders() {
    let mut script = Script::live(plan(1));
    script.does("room-1", Input::Went);
    script.refused("room-1", Command::RaiseHand, Reason::RoomAway);
}

#[test]
fn a_whisper_reaches_the_teacher_alone_and_not_too_often() {
    let mut script = Script::live(plan(2));
    let whisper = |whisper| Command::Whisper { whisper };
    script.does("room-1", whisper(Whisper::TooFast));
    assert!(matches!(
        script.told("teacher")[..],
        [News::Whispered { .. }]
    ));
    script.refused("room-1", whisper(Whisper::Help), Reason::TooSoon);
    script.wait(5 * SECOND);
    script.does("room-1", whisper(Whisper::CannotHear));
    assert_eq!(script.told("room-2"), []);
    let room = &script.lesson.view(&actor("teacher")).rooms[0];
    assert_eq!(room.whispered.unwrap().whisper, Whisper::CannotHear);
    let room = &script.lesson.view(&actor("room-2")).rooms[0];
    assert_eq!((room.whispered, room.term), (None, None));
}
