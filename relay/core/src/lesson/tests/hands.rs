use protocol::lesson::{Command, News, Reason};

use super::script::{NOBODY, SECOND, Script, call, plan, room};

fn chimes(script: &mut Script) -> usize {
    let told = script.told("teacher");
    let chimes = |news: &&News| matches!(news, News::Hands { chime: Some(_), .. });
    told.iter().filter(chimes).count()
}

#[test]
fn hands_are_in_the_order_in_which_they_were_raised() {
    let mut script = Script::live(plan(3));
    for name in ["room-3", "room-1", "room-2"] {
        script.does(name, Command::RaiseHand);
        script.wait(SECOND);
    }
    assert_eq!(script.hands(), [3, 1, 2]);
    script.does("room-3", Command::RaiseHand);
    assert_eq!(script.hands(), [3, 1, 2], "once more is not again");
    script.does("room-1", Command::LowerHand);
    script.does("room-1", Command::RaiseHand);
    assert_eq!(script.hands(), [3, 2, 1]);
}

#[test]
fn the_teacher_dismisses_one_hand_or_all() {
    let mut script = Script::live(plan(3));
    for name in ["room-1", "room-2", "room-3"] {
        script.does(name, Command::RaiseHand);
    }
    let dismiss = |n| Command::DismissHand { seat: room(n) };
    script.refused("room-1", dismiss(2), Reason::NotYourRole);
    script.refused("teacher", dismiss(9), Reason::UnknownRoom);
    script.does("teacher", dismiss(2));
    assert_eq!(script.hands(), [1, 3]);
    script.does("teacher", Command::DismissHands);
    assert_eq!(script.hands(), NOBODY);
}

#[test]
fn the_chime_is_not_a_toy() {
    let mut script = Script::live(plan(2));
    for _ in 0..11 {
        script.does("room-1", Command::RaiseHand);
        script.does("room-1", Command::LowerHand);
        script.wait(SECOND);
    }
    script.does("room-2", Command::RaiseHand);
    assert_eq!(chimes(&mut script), 3, "one for each room in ten seconds");
    script.wait(10 * SECOND);
    script.does("room-1", Command::RaiseHand);
    assert_eq!(chimes(&mut script), 1);
}

#[test]
fn a_hand_goes_down_on_the_stage_and_with_a_no_but_not_with_a_missed_call() {
    let mut script = Script::live(plan(3));
    for name in ["room-1", "room-2", "room-3"] {
        script.does(name, Command::RaiseHand);
    }
    script.bring(1);
    assert_eq!(script.hands(), [2, 3]);
    script.refused("room-1", Command::RaiseHand, Reason::OnStage);
    script.does("teacher", call(2));
    let declined = script.call_of(2);
    script.does("room-2", Command::Decline { call: declined });
    script.does("teacher", call(3));
    script.wait(60 * SECOND);
    assert_eq!(script.hands(), [3]);
}
