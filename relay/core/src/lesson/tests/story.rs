//! One whole lesson.

use protocol::Source;
use protocol::lesson::{Answer, Command, Form, Phase, Voice, Whisper};

use super::script::{MINUTE, SECOND, Script, plan};
use crate::lesson::{Input, Row};

#[test]
fn a_lesson_with_six_rooms() {
    let mut script = Script::new(plan(6));
    script.does("operator", Input::Came);
    script.wait(51 * MINUTE);
    assert_eq!(script.phase(), Phase::Open);
    for n in 1..=6 {
        let name = format!("room-{n}");
        script.does(&name, Input::Came);
        script.does(&name, Input::Published(Source::Room));
    }
    script.does(
        "room-5",
        Command::Whisper {
            whisper: Whisper::Help,
        },
    );
    script.does("teacher", Input::Came);
    script.does("teacher", Input::Published(Source::Camera));
    script.does("teacher", Input::Published(Source::Courseware));
    script.wait(9 * MINUTE);
    assert_eq!(script.phase(), Phase::Live);

    script.does("room-4", Command::RaiseHand);
    script.does("room-2", Command::RaiseHand);
    script.bring(4);
    assert_eq!(script.hands(), [2]);
    script.does("teacher", Command::MuteAll);
    assert_eq!(script.voice(4), Some(Voice::Muted));

    script.restart(15 * SECOND);
    for who in ["teacher", "room-1", "room-2", "room-3", "room-4", "room-5"] {
        script.does(who, Input::Came);
    }
    script.does("teacher", Input::Published(Source::Camera));
    script.does("room-2", Input::Published(Source::Room));
    assert_eq!((script.on_stage(), script.hands()), (vec![4], vec![2]));

    script.bring(2);
    script.wait(MINUTE);
    script.does(
        "teacher",
        Command::Ask {
            text: "听懂了吗".into(),
            form: Form::Count,
        },
    );
    script.does(
        "room-1",
        Command::Answer {
            question: 1,
            answer: Answer::Count { n: 12, of: 15 },
        },
    );
    script.wait(50 * MINUTE);
    assert_eq!(script.phase(), Phase::Ended, "the bell, and grace");

    let rows = script.kept();
    let count = |is: fn(&Row) -> bool| rows.iter().filter(|row| is(row)).count();
    assert_eq!(count(|row| matches!(row, Row::OnStage { .. })), 2);
    assert_eq!(count(|row| matches!(row, Row::OffStage { .. })), 2);
    assert_eq!(count(|row| matches!(row, Row::Came { .. })), 14);
    assert_eq!(count(|row| matches!(row, Row::Phase(_))), 3);
    assert_eq!(count(|row| matches!(row, Row::Answered { .. })), 1);
}
