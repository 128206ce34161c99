use protocol::lesson::{Answer, Command, Form, News, Reason};

use super::script::{Script, actor, plan, room};
use crate::lesson::{Event, Input};

fn ask(form: Form) -> Command {
    Command::Ask {
        text: " 二分之一\n等于？ ".into(),
        form,
    }
}

fn text(question: u32, text: impl Into<String>) -> Command {
    let answer = Answer::Text(text.into());
    Command::Answer { question, answer }
}

fn count(question: u32, n: u16, of: u16) -> Command {
    let answer = Answer::Count { n, of };
    Command::Answer { question, answer }
}

#[test]
fn who_has_not_answered_is_visible_and_answers_are_the_teachers() {
    let mut script = Script::live(plan(4));
    script.does("room-4", Input::Went);
    script.does("teacher", ask(Form::Count));
    script.does("room-2", count(1, 12, 15));
    script.does("room-2", count(1, 13, 15));
    let told = script.told("teacher");
    let Some(News::Answered { waiting, .. }) = told.last() else {
        panic!("{told:?}");
    };
    assert_eq!(*waiting, [room(1), room(3), room(4)]);
    let question = |who| script.lesson.view(&actor(who)).question.unwrap();
    let teacher = question("teacher");
    assert_eq!(teacher.text, "二分之一 等于？");
    assert_eq!(teacher.answers.len(), 1);
    assert_eq!(teacher.answers[0].answer, Answer::Count { n: 13, of: 15 });
    assert_eq!(question("room-2").answers.len(), 1);
    assert_eq!(question("room-2").waiting, []);
    assert_eq!(question("room-1").answers, []);
    assert_eq!(question("room-1").waiting, [room(1)]);
    assert_eq!(script.lesson.view(&actor("observer")).question, None);
}

#[test]
fn rooms_are_told_the_question_and_not_each_others_answers() {
    let mut script = Script::live(plan(2));
    script.does("teacher", ask(Form::Text));
    assert!(matches!(script.told("room-1")[..], [News::Asked { .. }]));
    script.does("room-2", text(1, "四分之二"));
    let events = script.events();
    let told = |who: &str| {
        let who = actor(who);
        let tells = events.iter().filter_map(|event| match event {
            Event::Tell { to, told } if to.includes(&who) => Some(&told.news),
            _ => None,
        });
        tells.collect::<Vec<_>>()
    };
    assert_eq!(told("room-1"), Vec::<&News>::new());
    let [News::Answered { waiting, .. }] = told("room-2")[..] else {
        panic!("{events:?}");
    };
    assert_eq!(*waiting, []);
    assert_eq!(told("teacher").len(), 1);
}

#[test]
fn a_room_that_never_came_is_not_waited_for() {
    let mut script = Script::live(plan(1));
    script.does(
        "teacher",
        Command::Invite {
            seat: room(2),
            name: "2".into(),
        },
    );
    script.does("teacher", ask(Form::Text));
    let question = script.lesson.view(&actor("teacher")).question;
    assert_eq!(question.unwrap().waiting, [room(1)]);
}

#[test]
fn what_is_no_answer_is_refused() {
    let mut script = Script::live(plan(1));
    script.refused("room-1", text(1, "早"), Reason::NoSuchQuestion);
    script.does("teacher", ask(Form::Text));
    script.refused("room-1", count(1, 1, 2), Reason::WrongForm);
    script.refused("room-1", text(1, " \n"), Reason::EmptyText);
    script.refused("room-1", text(1, "字".repeat(201)), Reason::TooLong);
    script.refused("room-1", text(1, "字".repeat(9_000)), Reason::TooLong);
    script.refused("teacher", text(1, "二"), Reason::NotYourRole);
    script.does("room-1", text(1, "字".repeat(200)));
    script.does("teacher", ask(Form::Count));
    script.refused("room-1", text(1, "旧"), Reason::NoSuchQuestion);
    for (n, of) in [(3, 2), (0, 0), (1, 1_000)] {
        script.refused("room-1", count(2, n, of), Reason::WrongCount);
    }
    script.refused("room-1", text(2, "二"), Reason::WrongForm);
    script.does("teacher", Command::CloseQuestion { question: 2 });
    script.refused("room-1", count(2, 1, 2), Reason::NoSuchQuestion);
    let again = Command::CloseQuestion { question: 2 };
    script.refused("teacher", again, Reason::NoSuchQuestion);
}
