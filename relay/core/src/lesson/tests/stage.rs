use protocol::Source;
use protocol::lesson::{Command, Reason, Recording, Voice};

use super::script::{SECOND, Script, actor, call, plan, room, seat};
use crate::directory::{Place, PublicationId};
use crate::key::Kind;
use crate::lesson::{Event, Input, Policy};

fn of_room(n: u32) -> PublicationId {
    PublicationId::new(Source::Room, &room(n))
}

fn shown(script: &Script, viewer: &str, n: u8, kind: Kind) -> Option<PublicationId> {
    script.lesson.shows(&actor(viewer), &Place::Stage(n), kind)
}

#[test]
fn everybody_sees_and_hears_the_stage_in_order() {
    let mut script = Script::live(plan(3));
    script.bring(2);
    script.bring(1);
    for viewer in ["teacher", "room-3", "observer", "operator"] {
        for kind in [Kind::Audio, Kind::Video] {
            assert_eq!(shown(&script, viewer, 1, kind), Some(of_room(2)));
            assert_eq!(shown(&script, viewer, 2, kind), Some(of_room(1)));
            assert_eq!(shown(&script, viewer, 3, kind), None);
            assert_eq!(shown(&script, viewer, 0, kind), None);
        }
    }
    let prepared: Vec<_> = script.lesson.prepared_rooms().cloned().collect();
    assert_eq!(prepared, [room(2), room(1)]);
}

#[test]
fn a_room_sees_itself_on_the_stage_and_never_hears_itself() {
    let mut script = Script::live(plan(1));
    script.bring(1);
    assert_eq!(shown(&script, "room-1", 1, Kind::Video), Some(of_room(1)));
    assert_eq!(shown(&script, "room-1", 1, Kind::Audio), None);
}

#[test]
fn those_behind_move_up_when_a_room_is_sent_back() {
    let mut script = Script::live(plan(3));
    for n in 1..=3 {
        script.bring(n);
    }
    script.events();
    script.does("teacher", Command::SendBack { seat: room(1) });
    assert_eq!(script.on_stage(), [2, 3]);
    assert_eq!(shown(&script, "room-1", 1, Kind::Video), Some(of_room(2)));
    assert!(script.events().contains(&Event::Relax(room(1))));
    let again = Command::SendBack { seat: room(1) };
    script.refused("teacher", again, Reason::NotOnStage);
    script.refused(
        "room-2",
        Command::SendBack { seat: room(3) },
        Reason::NotYourRole,
    );
    script.does("room-2", Command::StepDown);
    assert_eq!(script.on_stage(), [3]);
}

#[test]
fn mute_all_silences_at_the_relay_whatever_the_room_sends() {
    let mut script = Script::live(plan(3));
    script.bring(1);
    script.bring(2);
    script.does("teacher", Command::MuteAll);
    for n in [1, 2] {
        assert_eq!(shown(&script, "room-3", n, Kind::Audio), None);
        assert!(shown(&script, "room-3", n, Kind::Video).is_some());
    }
    script.refused("room-1", Command::OpenMicrophone, Reason::MutedByTeacher);
    script.bring(3);
    assert_eq!(script.voice(3), Some(Voice::Open), "called to speak");
}

#[test]
fn no_microphone_opens_without_the_room() {
    let unmute = || Command::Unmute { seat: room(1) };
    let mute = || Command::Mute { seat: room(1) };
    for policy in [Policy::Ask, Policy::Standing] {
        let mut plan = plan(1);
        plan.rooms[0].policy = policy;
        let mut script = Script::live(plan);
        script.does("teacher", call(1));
        let call = script.call_of(1);
        script.does("room-1", Command::Consent { call });
        script.does("room-1", Input::Prepared);
        script.wait(3 * SECOND);
        script.does("teacher", mute());
        script.does("teacher", unmute());
        let expected = match policy {
            Policy::Ask => Voice::Allowed,
            Policy::Standing => Voice::Open,
        };
        assert_eq!(script.voice(1), Some(expected));
        script.does("room-1", Command::OpenMicrophone);
        assert_eq!(script.voice(1), Some(Voice::Open));
        script.does("room-1", Command::CloseMicrophone);
        script.does("teacher", unmute());
        assert_eq!(script.voice(1), Some(Voice::ClosedByRoom));
        script.does("teacher", mute());
        assert_eq!(script.voice(1), Some(Voice::MutedAndClosed));
        script.does("teacher", unmute());
        assert_eq!(script.voice(1), Some(Voice::ClosedByRoom), "{policy:?}");
        script.refused("teacher", Command::OpenMicrophone, Reason::NotYourRole);
    }
}

#[test]
fn a_room_may_close_its_microphone_while_it_is_muted() {
    let mut script = Script::live(plan(1));
    script.refused("room-1", Command::CloseMicrophone, Reason::NotOnStage);
    script.bring(1);
    script.does("teacher", Command::MuteAll);
    script.does("room-1", Command::CloseMicrophone);
    script.does("teacher", Command::Unmute { seat: room(1) });
    assert_eq!(script.voice(1), Some(Voice::ClosedByRoom));
}

#[test]
fn what_was_allowed_can_be_taken_back() {
    let mut script = Script::live(plan(1));
    script.bring(1);
    script.does("teacher", Command::MuteAll);
    script.does("teacher", Command::Unmute { seat: room(1) });
    script.does("teacher", Command::MuteAll);
    script.refused("room-1", Command::OpenMicrophone, Reason::MutedByTeacher);
}

#[test]
fn rooms_see_nothing_of_the_lesson_before_it_is_live() {
    let mut script = Script::new(plan(1));
    script.does("teacher", Command::Open);
    let camera = PublicationId::new(Source::Camera, &seat("teacher"));
    let place = Place::Publication(camera.clone());
    let sees = |script: &Script, who| script.lesson.shows(&actor(who), &place, Kind::Video);
    assert_eq!(sees(&script, "room-1"), None);
    assert_eq!(sees(&script, "teacher"), Some(camera.clone()));
    script.does("teacher", Command::Start);
    assert_eq!(sees(&script, "room-1"), Some(camera));
    let board = Place::Publication(PublicationId::new(Source::Board, &seat("teacher")));
    let shown = script.lesson.shows(&actor("room-1"), &board, Kind::Video);
    assert_eq!(shown, None, "it is not part of the plan");
    script.does("teacher", Command::End);
    assert_eq!(sees(&script, "teacher"), None);
}

#[test]
fn the_recorder_takes_what_the_policy_allows() {
    for (policy, lesson, stage) in [
        (Recording::Off, false, false),
        (Recording::Lesson, true, false),
        (Recording::LessonAndStage, true, true),
    ] {
        let mut plan = plan(2);
        plan.recording = policy;
        let mut script = Script::live(plan);
        script.bring(1);
        let takes = |publication| {
            let place = Place::Publication(publication);
            let shows = |kind| script.lesson.shows(&actor("recorder"), &place, kind);
            let taken = [Kind::Audio, Kind::Video].map(|kind| shows(kind).is_some());
            assert_eq!(taken[0], taken[1], "{place:?}");
            taken[0]
        };
        let camera = PublicationId::new(Source::Camera, &seat("teacher"));
        assert_eq!(takes(camera), lesson, "{policy:?}");
        assert_eq!(takes(of_room(1)), stage, "{policy:?}");
        assert!(!takes(of_room(2)), "a room off the stage never is");
    }
}
