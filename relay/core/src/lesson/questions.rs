//! Questions to every room, one at a time; a room's assistant answers for it.

use protocol::SeatId;
use protocol::lesson::{
    Answer, Answered, Form, MAX_COUNT, MAX_TEXT, News, Question, Reason, UnixMs,
};
use serde::{Deserialize, Serialize};

use super::Lesson;
use super::event::{Audience, Out, Row};
use super::seats::Seat;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Questions {
    last_id: u32,
    open: Option<Open>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Open {
    id: u32,
    text: String,
    form: Form,
    at: UnixMs,
    answers: Vec<Answered>,
}

impl Lesson {
    /// The next question closes the one before.
    pub(super) fn ask(
        &mut self,
        now: UnixMs,
        text: &str,
        form: Form,
        out: &mut Out,
    ) -> Result<(), Reason> {
        let text = tidy(text)?;
        self.drop_question(out);
        self.questions.last_id += 1;
        let id = self.questions.last_id;
        out.keep(Row::Asked {
            question: id,
            text: text.clone(),
        });
        self.questions.open = Some(Open {
            id,
            text,
            form,
            at: now,
            answers: Vec::new(),
        });
        if let Some(question) = self.question(None) {
            out.tell(Audience::Teaching, News::Asked { question });
        }
        for room in &self.plan.rooms {
            if let Some(question) = self.question(Some(&room.seat)) {
                let to = Audience::Seat(room.seat.clone());
                out.tell(to, News::Asked { question });
            }
        }
        Ok(())
    }

    pub(super) fn close_question(&mut self, question: u32, out: &mut Out) -> Result<(), Reason> {
        self.open_question(question)?;
        self.drop_question(out);
        Ok(())
    }

    pub(super) fn drop_question(&mut self, out: &mut Out) {
        if let Some(Open { id: question, .. }) = self.questions.open.take() {
            out.tell(Audience::Everyone, News::QuestionClosed { question });
        }
    }

    pub(super) fn answer(
        &mut self,
        own: &SeatId,
        question: u32,
        answer: Answer,
        out: &mut Out,
    ) -> Result<(), Reason> {
        let open = self.open_question(question)?;
        let answer = match (open.form, answer) {
            (Form::Text, Answer::Text(text)) => Answer::Text(tidy(&text)?),
            (Form::Count, Answer::Count { n, of }) if n <= of && (1..=MAX_COUNT).contains(&of) => {
                Answer::Count { n, of }
            }
            (Form::Count, Answer::Count { .. }) => return Err(Reason::WrongCount),
            (Form::Text, Answer::Count { .. }) | (Form::Count, Answer::Text(_)) => {
                return Err(Reason::WrongForm);
            }
        };
        out.keep(Row::Answered {
            question,
            seat: own.clone(),
            answer: answer.clone(),
        });
        let answered = Answered {
            seat: own.clone(),
            answer,
        };
        match open.answers.iter_mut().find(|before| before.seat == *own) {
            Some(before) => *before = answered.clone(),
            None => open.answers.push(answered.clone()),
        }
        let told = |waiting| News::Answered {
            question,
            answered: answered.clone(),
            waiting,
        };
        out.tell(Audience::Teaching, told(self.waiting(|_| true)));
        // Who else has not answered is no business of the room's.
        out.tell(Audience::Seat(own.clone()), told(Vec::new()));
        Ok(())
    }

    /// The open question as everything, or as one room sees it.
    pub(super) fn question(&self, only: Option<&SeatId>) -> Option<Question> {
        let open = self.questions.open.as_ref()?;
        let concerns = |seat: &SeatId| only.is_none_or(|only| only == seat);
        let mut answers = open.answers.clone();
        answers.retain(|answered| concerns(&answered.seat));
        Some(Question {
            id: open.id,
            text: open.text.clone(),
            form: open.form,
            at: open.at,
            answers,
            waiting: self.waiting(concerns),
        })
    }

    /// The rooms that have come to the lesson and have not answered, of those that concern somebody.
    fn waiting(&self, concerns: impl Fn(&SeatId) -> bool) -> Vec<SeatId> {
        let Some(open) = &self.questions.open else {
            return Vec::new();
        };
        let has_come = |seat: &&SeatId| self.seats.get(*seat).is_some_and(Seat::has_come);
        let has_answered = |seat: &SeatId| open.answers.iter().any(|given| given.seat == *seat);
        let rooms = self.plan.rooms.iter().map(|room| &room.seat);
        rooms
            .filter(|seat| concerns(seat))
            .filter(has_come)
            .filter(|seat| !has_answered(seat))
            .cloned()
            .collect()
    }

    fn open_question(&mut self, question: u32) -> Result<&mut Open, Reason> {
        let open = self.questions.open.as_mut();
        open.filter(|open| open.id == question)
            .ok_or(Reason::NoSuchQuestion)
    }
}

/// The text in one line, if there is any and it is not too long.
pub(super) fn tidy(text: &str) -> Result<String, Reason> {
    let plain: String = text
        .chars()
        // Refused below whatever follows: nothing long is copied.
        .take(4 * MAX_TEXT)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let plain = plain.trim();
    if plain.is_empty() {
        return Err(Reason::EmptyText);
    }
    if plain.chars().count() > MAX_TEXT || text.chars().nth(4 * MAX_TEXT).is_some() {
        return Err(Reason::TooLong);
    }
    Ok(plain.to_owned())
}
