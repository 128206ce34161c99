//! A lesson: its life, its seats, hands, stage and questions, and who may do what in it.
//!
//! ```text
//!  commands, comings and goings ─▶ Lesson::handle ─▶ events: slots to rebind, publications to close,
//!  time ─────────────────────────▶ Lesson::poll   ─▶         what is told to whom, rows and audit to keep
//!  slots, doors ─────────────────▶ Lesson::shows, Lesson::may
//! ```
//!
//! It is told the wall-clock time, because it outlives the relay: [`Lesson::save`] is everything that has to be kept. Call
//! [`Lesson::poll`] when [`Lesson::due`] says so. What is refused changes nothing.

mod attending;
mod attention;
mod calls;
mod event;
mod grid;
mod hands;
mod input;
mod life;
mod plan;
mod questions;
mod rules;
mod saved;
mod seats;
mod speaker;
mod stage;
mod view;
mod whispers;

#[cfg(test)]
mod tests;

pub use attending::Attending;
pub use event::{Audience, By, Entry, Event, Refused, Row};
pub use grid::{Detail, Grid};
pub use input::{Actor, Input};
pub use plan::{InvalidPlan, Invitation, Limits, MAX_ROOMS, Plan, Policy, Start};
pub use rules::{Act, Deed, allowed, table};
pub use saved::{NotRestored, Saved};
pub use speaker::{Level, Speaker};

use std::collections::BTreeMap;

use protocol::lesson::{Command, Phase, Reason, UnixMs};
use protocol::{Role, SeatId};
use serde::{Deserialize, Serialize};

use attention::Called;
use calls::Calls;
use event::Out;
use hands::Hands;
use life::Life;
use questions::Questions;
use seats::Seat;
use stage::Stage;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lesson {
    plan: Plan,
    life: Life,
    /// Everybody who is there, and rooms and teachers that were.
    seats: BTreeMap<SeatId, Seat>,
    hands: Hands,
    stage: Stage,
    calls: Calls,
    questions: Questions,
    called: BTreeMap<SeatId, Called>,
    /// The time it was told last.
    latest: UnixMs,
    revision: u64,
}

impl Lesson {
    /// A lesson as it is planned.
    pub fn new(now: UnixMs, plan: Plan) -> Result<Self, InvalidPlan> {
        plan.check()?;
        Ok(Self {
            plan,
            life: Life::Scheduled,
            seats: BTreeMap::new(),
            hands: Hands::default(),
            stage: Stage::default(),
            calls: Calls::default(),
            questions: Questions::default(),
            called: BTreeMap::new(),
            latest: now,
            revision: 0,
        })
    }

    /// What it was planned to be, with what has been changed since.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Where it is in its life.
    pub fn phase(&self) -> Phase {
        self.life.phase()
    }

    /// Counts its changes: what was saved at this revision needs not be saved again.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Somebody wants something, or has come or gone. What follows is in the order in which it is to be done.
    pub fn handle(
        &mut self,
        now: UnixMs,
        actor: &Actor,
        input: impl Into<Input>,
    ) -> Result<Vec<Event>, Refused> {
        let input = input.into();
        let (deed, about) = (input.deed(), input.about().cloned());
        self.advance(now);
        let mut out = Out::new(now);
        if let Err(reason) = self.take(now, actor, input, &mut out) {
            return Err(Refused::new(now, actor, deed, about, reason));
        }
        if let Some(deed) = deed.filter(|deed| deed.is_audited()) {
            out.audit(By::Actor(actor.clone()), deed, about);
        }
        self.settle(now, &mut out);
        // What is not told to anybody has to be kept all the same.
        self.revision += 1;
        Ok(out.finish(&mut self.revision))
    }

    /// Does what is due by now.
    pub fn poll(&mut self, now: UnixMs) -> Vec<Event> {
        self.advance(now);
        let mut out = Out::new(now);
        self.settle(now, &mut out);
        out.finish(&mut self.revision)
    }

    /// When [`Lesson::poll`] has something to do next.
    pub fn due(&self) -> Option<UnixMs> {
        [self.life_due(), self.seats_due(), self.calls_due()]
            .into_iter()
            .flatten()
            .min()
    }

    fn take(
        &mut self,
        now: UnixMs,
        actor: &Actor,
        input: Input,
        out: &mut Out,
    ) -> Result<(), Reason> {
        // That somebody has gone is no question of being allowed to.
        match input {
            Input::Went => return self.went(now, actor, out),
            Input::Unpublished(source) => return self.unpublished(actor, source, out),
            Input::Came | Input::Published(_) | Input::Prepared | Input::Do(_) => {}
        }
        self.identify(actor)?;
        if let Some(deed) = input.deed() {
            allowed(actor.role, deed, self.phase())?;
        }
        match input {
            Input::Came => self.came(actor, out),
            Input::Published(source) => self.published(actor, source, out),
            Input::Prepared => self.prepared(&actor.seat),
            Input::Do(command) => self.obey(now, actor, command, out),
            Input::Went | Input::Unpublished(_) => Ok(()),
        }
    }

    fn obey(
        &mut self,
        now: UnixMs,
        actor: &Actor,
        command: Command,
        out: &mut Out,
    ) -> Result<(), Reason> {
        let own = &actor.seat;
        if actor.role == Role::Room && !self.is_here(own) {
            return Err(Reason::RoomAway);
        }
        match command {
            Command::Open => self.open(out),
            Command::Start => self.start(out),
            Command::End => self.end(now, out),
            Command::Archive => self.archive(out),
            Command::Extend { until } => self.extend(now, until, out)?,
            Command::Appoint { teacher } => self.appoint(teacher, out)?,
            Command::Invite { seat, name } => self.invite(seat, &name, out)?,
            Command::Call { seat, replacing } => self.call(now, seat, replacing, out)?,
            Command::CallSeldom { replacing } => {
                let seat = self.seldom().ok_or(Reason::NobodyToCall)?;
                self.call(now, seat, replacing, out)?;
            }
            Command::CancelCall { seat } => self.cancel(&seat, out)?,
            Command::SendBack { seat } => self.send_back(&seat, out)?,
            Command::StepDown => self.send_back(own, out)?,
            Command::Mute { seat } => self.mute(&seat, out)?,
            Command::MuteAll => self.mute_all(out),
            Command::Unmute { seat } => self.unmute(&seat, out)?,
            Command::CloseMicrophone => self.close_microphone(own, out)?,
            Command::OpenMicrophone => self.open_microphone(own, out)?,
            Command::RaiseHand => self.raise(now, own, out)?,
            Command::LowerHand => self.lower(own, out),
            Command::DismissHand { seat } => {
                self.plan.room(&seat).ok_or(Reason::UnknownRoom)?;
                self.lower(&seat, out);
            }
            Command::DismissHands => self.lower_all(out),
            Command::Consent { call } => self.consent(now, own, call, out)?,
            Command::Decline { call } => self.decline(own, call, out)?,
            Command::Ask { text, form } => self.ask(now, &text, form, out)?,
            Command::CloseQuestion { question } => self.close_question(question, out)?,
            Command::Answer { question, answer } => self.answer(own, question, answer, out)?,
            Command::Whisper { whisper } => self.whisper(now, own, whisper, out)?,
        }
        Ok(())
    }

    /// Whatever is due, and what follows from it.
    fn settle(&mut self, now: UnixMs, out: &mut Out) {
        while self.live_on(now, out)
            || self.give_up_on_the_absent(now, out)
            || self.switch(now, out)
        {}
    }

    /// A clock that was set back takes what waits for a span of time back with it; the timetable stays.
    fn advance(&mut self, now: UnixMs) {
        let behind = self.latest.since(now);
        if behind > 0 {
            self.shift(|at| at.minus(behind));
        }
        self.latest = now;
    }

    fn shift(&mut self, by: impl Fn(UnixMs) -> UnixMs) {
        self.seats.values_mut().for_each(|seat| seat.shift(&by));
        self.calls.shift(&by);
        self.life.shift(&by);
    }
}
