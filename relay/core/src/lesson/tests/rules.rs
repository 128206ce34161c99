use std::fs;
use std::path::PathBuf;

use protocol::Role;
use protocol::lesson::{Command, Phase, Reason};

use super::script::{Script, actor, plan, room, seat};
use crate::directory::PublicationId;
use crate::lesson::{Act, Actor, By, Deed, Event, allowed, table};

/// `UPDATE_FIXTURES=1 cargo test -p relay-core` writes it anew.
#[test]
fn the_table_that_people_read_is_the_one_that_is_enforced() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("rules.md");
    let head = "# Who may do what in a lesson, in which of its phases\n\n";
    let written = format!("{head}{}", table());
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        fs::write(&path, &written).unwrap();
    }
    let stored = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(stored, written, "{}", path.display());
}

#[test]
fn who_only_watches_changes_nothing() {
    let watching = [Deed::Attend, Deed::FollowLesson, Deed::FollowStage];
    for role in [Role::Observer, Role::Recorder] {
        for deed in Deed::ALL {
            for phase in Phase::ALL {
                let may = allowed(role, deed, phase);
                assert!(
                    may.is_err() || watching.contains(&deed),
                    "{role:?} {deed:?}"
                );
            }
        }
    }
}

#[test]
fn the_table_publishes_no_more_than_tokens_allow() {
    let sources = protocol::Source::ALL;
    for role in [
        Role::Teacher,
        Role::Room,
        Role::Observer,
        Role::Operator,
        Role::Recorder,
    ] {
        for source in sources {
            let ever = Phase::ALL
                .into_iter()
                .any(|phase| allowed(role, Deed::publishing(source), phase).is_ok());
            assert_eq!(ever, role.may_publish(source), "{role:?} {source}");
        }
    }
}

#[test]
fn nobody_hears_a_room_off_the_stage_and_nothing_happens_to_an_archived_lesson() {
    for role in [Role::Teacher, Role::Room, Role::Operator] {
        for phase in Phase::ALL {
            assert_eq!(
                allowed(role, Deed::HearRoom, phase),
                Err(Reason::NotYourRole)
            );
        }
        for deed in Deed::ALL {
            assert!(allowed(role, deed, Phase::Archived).is_err());
        }
    }
}

#[test]
fn a_room_off_the_stage_is_seen_by_those_who_teach_and_heard_by_nobody() {
    let script = Script::live(plan(2));
    let publication = PublicationId::new(protocol::Source::Room, &room(1));
    for (who, sees) in [
        ("teacher", Ok(())),
        ("operator", Ok(())),
        ("room-1", Ok(())),
        ("room-2", Err(Reason::NotYourRole)),
        ("observer", Err(Reason::NotYourRole)),
        ("recorder", Err(Reason::NotYourRole)),
    ] {
        let may = |act| script.lesson.may(&actor(who), act);
        assert_eq!(may(Act::See(&publication)), sees, "{who}");
        assert_eq!(may(Act::Hear(&publication)), Err(Reason::NotHeard), "{who}");
    }
}

#[test]
fn who_steers_the_lesson_answers_for_it() {
    let mut script = Script::live(plan(1));
    script.does("room-1", Command::RaiseHand);
    script.does("teacher", Command::DismissHand { seat: room(1) });
    let events = script.events();
    let audited: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Audit(entry) => Some(entry),
            _ => None,
        })
        .collect();
    let [entry] = audited[..] else {
        panic!("{audited:?}");
    };
    assert_eq!(entry.by, By::Actor(actor("teacher")));
    assert_eq!(entry.deed, Some(Deed::DismissHand));
    assert_eq!((&entry.about, entry.refused), (&Some(room(1)), None));
}

#[test]
fn strangers_may_nothing() {
    let script = Script::live(plan(1));
    let may = |name: &str, role, act| script.lesson.may(&Actor::new(seat(name), role), act);
    let attend = Act::Attend;
    assert_eq!(may("room-9", Role::Room, attend), Err(Reason::NotInvited));
    let publish = Act::Publish(protocol::Source::Camera);
    let second = may("substitute", Role::Teacher, publish);
    assert_eq!(second, Err(Reason::AnotherTeacher));
    assert_eq!(may("teacher", Role::Teacher, publish), Ok(()));
    let board = Act::Publish(protocol::Source::Board);
    let unplanned = may("teacher", Role::Teacher, board);
    assert_eq!(unplanned, Err(Reason::UnknownSource));
}

#[test]
fn a_refusal_at_a_door_names_who_and_what_for_the_audit() {
    let script = Script::live(plan(2));
    let publication = PublicationId::new(protocol::Source::Room, &room(1));
    let spy = actor("room-2");
    let refused = script
        .lesson
        .admit(script.now, &spy, Act::See(&publication));
    let entry = refused.unwrap_err().entry;
    assert_eq!(entry.by, By::Actor(spy));
    assert_eq!(entry.deed, Some(Deed::SeeRoom));
    assert_eq!(entry.about, Some(room(1)));
    assert_eq!(entry.refused, Some(Reason::NotYourRole));
}
