use protocol::Source;
use protocol::lesson::{Attention, CallEnd, Command, Consent, News, Reason};

use super::script::{NOBODY, SECOND, STARTS, Script, actor, call, plan, room, swap};
use crate::lesson::{Event, Input, Policy, Row};

fn standing(rooms: u32) -> crate::lesson::Plan {
    let mut plan = plan(rooms);
    for room in &mut plan.rooms {
        room.policy = Policy::Standing;
    }
    plan
}

fn ends(told: &[News]) -> Vec<CallEnd> {
    let ends = told.iter().filter_map(|news| match news {
        News::CallOver { end, .. } => Some(*end),
        _ => None,
    });
    ends.collect()
}

#[test]
fn a_call_is_notice_countdown_consent_preparation_and_one_switch() {
    let mut script = Script::live(plan(2));
    script.does("teacher", call(1));
    let notice = script.told("room-1");
    let [News::Called { call }] = &notice[..] else {
        panic!("{notice:?}");
    };
    assert_eq!(call.consent, Consent::Asked);
    assert_eq!(call.countdown_ends, script.now.plus(3 * SECOND));
    let id = call.id;
    script.wait(SECOND);
    script.does("room-1", Command::Consent { call: id });
    assert!(script.events().contains(&Event::Prepare(room(1))));
    script.does("room-1", Input::Prepared);
    script.wait(2 * SECOND - 1);
    assert_eq!(script.on_stage(), NOBODY);
    script.wait(1);
    assert_eq!(script.on_stage(), [1]);
    let events = script.events();
    let switches = events
        .iter()
        .filter(|event| matches!(event, Event::Stage(_)));
    assert_eq!(switches.count(), 1);
}

#[test]
fn without_consent_nothing_of_the_room_is_touched() {
    let mut script = Script::live(plan(1));
    script.does("teacher", call(1));
    script.does("room-1", Input::Prepared);
    script.wait(29 * SECOND);
    let events = script.events();
    let touches = |event: &Event| matches!(event, Event::Prepare(_) | Event::Stage(_));
    assert!(!events.iter().any(touches), "{events:?}");
    script.wait(SECOND);
    assert_eq!(ends(&script.told("teacher")), [CallEnd::NoAnswer]);
    assert_eq!(script.on_stage(), NOBODY);
}

#[test]
fn consent_is_to_one_call_and_by_the_room_itself() {
    let mut script = Script::live(plan(2));
    script.does("teacher", call(1));
    let first = script.call_of(1);
    let consent = |call| Command::Consent { call };
    script.refused("teacher", consent(first), Reason::NotYourRole);
    script.refused("room-2", consent(first), Reason::NoSuchCall);
    script.does("teacher", Command::CancelCall { seat: room(1) });
    script.does("teacher", call(1));
    script.refused("room-1", consent(first), Reason::NoSuchCall);
    script.does("room-1", consent(first + 1));
    script.does("room-1", Input::Prepared);
    script.does("room-1", consent(first + 1));
    script.wait(3 * SECOND);
    assert_eq!(script.on_stage(), [1], "agreeing twice spoils nothing");
}

#[test]
fn consent_that_comes_too_late_is_none() {
    let mut script = Script::live(plan(1));
    script.does("teacher", call(1));
    let id = script.call_of(1);
    script.now = script.now.plus(30 * SECOND);
    script.refused("room-1", Command::Consent { call: id }, Reason::NoSuchCall);
}

#[test]
fn who_thinks_it_over_is_waited_for_and_prepared_then() {
    let mut script = Script::live(plan(2));
    script.does("teacher", call(1));
    assert_eq!(script.lesson.view(&actor("room-2")).calls, []);
    let id = script.call_of(1);
    script.wait(20 * SECOND);
    script.does("room-1", Command::Consent { call: id });
    script.wait(2 * SECOND - 1);
    assert_eq!(script.on_stage(), NOBODY, "the keyframe is on its way");
    script.does("room-1", Input::Prepared);
    assert_eq!(script.on_stage(), [1]);
}

#[test]
fn a_stored_policy_is_a_consent() {
    let mut script = Script::live(standing(1));
    script.does("teacher", call(1));
    script.does("room-1", Input::Prepared);
    script.wait(3 * SECOND);
    assert_eq!(script.on_stage(), [1]);
}

#[test]
fn the_switch_waits_for_a_keyframe_and_not_for_ever() {
    let mut script = Script::live(standing(1));
    script.does("teacher", call(1));
    script.wait(5 * SECOND - 1);
    assert_eq!(script.on_stage(), NOBODY);
    script.wait(1);
    assert_eq!(script.on_stage(), [1], "with whatever picture there is");
}

#[test]
fn a_room_without_a_camera_is_given_up_and_one_that_gets_it_in_time_is_not() {
    let mut script = Script::live(standing(2));
    script.does("room-1", Input::Unpublished(Source::Room));
    script.does("room-2", Input::Unpublished(Source::Room));
    script.does("teacher", call(1));
    script.does("teacher", call(2));
    script.wait(12 * SECOND);
    script.does("room-2", Input::Published(Source::Room));
    script.does("room-2", Input::Prepared);
    assert_eq!(script.on_stage(), [2], "as soon as it can");
    script.wait(SECOND);
    let told = script.told("teacher");
    assert_eq!(ends(&told), [CallEnd::OnStage, CallEnd::NoPicture]);
}

#[test]
fn what_was_prepared_before_a_cut_is_not_prepared() {
    let mut script = Script::live(standing(1));
    script.does("teacher", call(1));
    script.does("room-1", Input::Prepared);
    script.does("room-1", Input::Unpublished(Source::Room));
    script.does("room-1", Input::Published(Source::Room));
    script.wait(3 * SECOND);
    assert_eq!(script.on_stage(), NOBODY);
}

#[test]
fn a_camera_that_comes_back_is_prepared_again() {
    let mut script = Script::live(standing(2));
    script.does("teacher", call(1));
    script.does("room-1", Input::Unpublished(Source::Room));
    script.events();
    script.does("room-1", Input::Published(Source::Room));
    script.does("room-2", Input::Published(Source::Room));
    let events = script.events();
    assert!(events.contains(&Event::Prepare(room(1))));
    assert!(!events.contains(&Event::Prepare(room(2))));
}

#[test]
fn who_cannot_be_called() {
    let mut script = Script::live(plan(7));
    script.does("room-7", Input::Went);
    script.refused("teacher", call(7), Reason::RoomAway);
    script.refused("teacher", call(9), Reason::UnknownRoom);
    script.refused("room-1", call(2), Reason::NotYourRole);
    script.refused("teacher", swap(1, 2), Reason::NotOnStage);
    script.bring(1);
    script.refused("teacher", call(1), Reason::OnStage);
    script.does("teacher", call(2));
    script.refused("teacher", call(2), Reason::CalledAlready);
    script.does("teacher", call(3));
    script.does("teacher", call(4));
    script.refused("teacher", call(5), Reason::StageFull);
    script.does("teacher", swap(5, 1));
    script.refused("teacher", swap(6, 1), Reason::StageFull);
}

#[test]
fn one_room_replaces_another_in_one_switch() {
    let mut script = Script::live(plan(5));
    for n in 1..=4 {
        script.bring(n);
    }
    script.events();
    script.does("teacher", swap(5, 2));
    assert_eq!(script.on_stage(), [1, 2, 3, 4], "until the other is ready");
    let call = script.call_of(5);
    script.does("room-5", Command::Consent { call });
    script.does("room-5", Input::Prepared);
    script.wait(3 * SECOND);
    assert_eq!(script.on_stage(), [1, 5, 3, 4], "nobody else moves");
    let events = script.events();
    let switches = events
        .iter()
        .filter(|event| matches!(event, Event::Stage(_)));
    assert_eq!(switches.count(), 1);
    let at = |event: &Event| events.iter().position(|other| other == event);
    let switched = at(&Event::Stage(script.lesson.stage().to_vec()));
    assert!(switched.is_some() && switched < at(&Event::Relax(room(2))));
}

#[test]
fn nobody_is_forgotten() {
    let mut plan = plan(4);
    for (n, times, days) in [(0, 3, 1), (1, 1, 2), (2, 1, 9), (3, 2, 5)] {
        plan.rooms[n].term = Attention {
            times,
            last: Some(STARTS.minus(days * 86_400 * SECOND)),
        };
    }
    let mut script = Script::live(plan);
    assert_eq!(script.lesson.seldom(), Some(room(3)), "longest ago");
    script.does("teacher", Command::CallSeldom { replacing: None });
    let declined = script.call_of(3);
    assert_eq!(script.lesson.seldom(), Some(room(2)), "it is being called");
    script.does("room-3", Command::Decline { call: declined });
    assert_eq!(
        script.lesson.seldom(),
        Some(room(2)),
        "it has just declined"
    );
    script.bring(2);
    script.does("room-4", Input::Unpublished(Source::Room));
    assert_eq!(script.lesson.seldom(), Some(room(1)), "4 has no camera");
    script.does("room-1", Input::Went);
    script.does("room-3", Input::Went);
    let seldom = Command::CallSeldom { replacing: None };
    script.refused("teacher", seldom, Reason::NobodyToCall);
    let last = Some(script.now);
    assert_eq!(
        script.lesson.attention(&room(2)),
        Attention { times: 1, last }
    );
    let term = script.lesson.view(&actor("teacher")).rooms[1].term;
    assert_eq!(term, Some(Attention { times: 2, last }));
    assert_eq!(script.lesson.attention(&room(3)), Attention::default());
}

#[test]
fn the_stage_is_kept_with_the_lesson() {
    let mut script = Script::live(plan(1));
    script.bring(1);
    script.does("room-1", Command::StepDown);
    let (seat, gone) = (room(1), room(1));
    let rows = [Row::OnStage { seat }, Row::OffStage { seat: gone }];
    assert_eq!(script.kept(), rows);
}
