//! Calling a room onto the stage: notice and countdown, consent there, its camera prepared unseen, then one switch for everybody.

use protocol::SeatId;
use protocol::lesson::{Call as Told, CallEnd, Consent, News, Reason, UnixMs};
use serde::{Deserialize, Serialize};

use super::Lesson;
use super::event::{Audience, Event, Out};
use super::plan::{Limits, Policy};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Calls {
    list: Vec<Call>,
    last_id: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Call {
    id: u32,
    seat: SeatId,
    replacing: Option<SeatId>,
    at: UnixMs,
    step: Step,
}

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    /// The room is being asked; nothing of it is touched.
    Asked,
    /// It has agreed, just now or beforehand. Its camera's best layer is being fetched.
    Agreed {
        consent: Agreed,
        at: UnixMs,
        prepared: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Agreed {
    Now,
    Beforehand,
}

/// What is to be done about a call.
enum Next {
    Switch,
    GiveUp(CallEnd),
}

impl Calls {
    pub(super) fn seats(&self) -> impl Iterator<Item = &SeatId> {
        self.list.iter().map(|call| &call.seat)
    }

    pub(super) fn contains(&self, seat: &SeatId) -> bool {
        self.seats().any(|other| other == seat)
    }

    /// The rooms that have agreed.
    pub(super) fn agreed(&self) -> impl Iterator<Item = &SeatId> {
        let is_agreed = |call: &&Call| matches!(call.step, Step::Agreed { .. });
        self.list.iter().filter(is_agreed).map(|call| &call.seat)
    }

    pub(super) fn told(&self, limits: &Limits) -> impl Iterator<Item = Told> {
        self.list.iter().map(|call| call.told(limits))
    }

    pub(super) fn unprepare(&mut self, seat: &SeatId) {
        self.set_prepared(seat, false);
    }

    pub(super) fn shift(&mut self, by: impl Fn(UnixMs) -> UnixMs) {
        for call in &mut self.list {
            call.at = by(call.at);
            if let Step::Agreed { at, .. } = &mut call.step {
                *at = by(*at);
            }
        }
    }

    fn set_prepared(&mut self, seat: &SeatId, now: bool) {
        for call in &mut self.list {
            if let Step::Agreed { prepared, .. } = &mut call.step
                && call.seat == *seat
            {
                *prepared = now;
            }
        }
    }
}

impl Call {
    fn told(&self, limits: &Limits) -> Told {
        Told {
            id: self.id,
            seat: self.seat.clone(),
            countdown_ends: self.at.plus(limits.countdown_ms),
            expires: self.at.plus(limits.consent_ms),
            consent: match self.step {
                Step::Asked => Consent::Asked,
                Step::Agreed {
                    consent: Agreed::Now,
                    ..
                } => Consent::Given,
                Step::Agreed {
                    consent: Agreed::Beforehand,
                    ..
                } => Consent::Standing,
            },
        }
    }

    /// When something is to be done about it, and what, if `camera` tells whether the room is there and seen, or what it lacks.
    fn next(&self, limits: &Limits, camera: Result<(), CallEnd>) -> (UnixMs, Next) {
        let Step::Agreed { at, prepared, .. } = self.step else {
            let expires = self.at.plus(limits.consent_ms);
            return (expires, Next::GiveUp(CallEnd::NoAnswer));
        };
        let earliest = at.max(self.at.plus(limits.countdown_ms));
        match camera {
            Ok(()) if prepared => (earliest, Next::Switch),
            Ok(()) => (earliest.plus(limits.keyframe_ms), Next::Switch),
            Err(lack) => (earliest.plus(limits.camera_ms), Next::GiveUp(lack)),
        }
    }
}

impl Lesson {
    pub(super) fn call(
        &mut self,
        now: UnixMs,
        seat: SeatId,
        replacing: Option<SeatId>,
        out: &mut Out,
    ) -> Result<(), Reason> {
        let policy = self.plan.room(&seat).ok_or(Reason::UnknownRoom)?.policy;
        if self.stage.contains(&seat) {
            return Err(Reason::OnStage);
        }
        if self.calls.contains(&seat) {
            return Err(Reason::CalledAlready);
        }
        if !self.is_here(&seat) {
            return Err(Reason::RoomAway);
        }
        if (replacing.as_ref()).is_some_and(|old| !self.stage.contains(old)) {
            return Err(Reason::NotOnStage);
        }
        if self.reserved(replacing.as_ref()) > usize::from(self.plan.stage) {
            return Err(Reason::StageFull);
        }
        self.calls.last_id += 1;
        let call = Call {
            id: self.calls.last_id,
            seat: seat.clone(),
            replacing,
            at: now,
            step: match policy {
                Policy::Ask => Step::Asked,
                Policy::Standing => Step::Agreed {
                    consent: Agreed::Beforehand,
                    at: now,
                    prepared: false,
                },
            },
        };
        tell_call(&call, &self.plan.limits, out);
        self.calls.list.push(call);
        self.count_asked(&seat);
        if policy == Policy::Standing {
            out.push(Event::Prepare(seat));
        }
        Ok(())
    }

    /// The places that are or will be taken with one more call: a call that replaces somebody needs none of its own.
    fn reserved(&self, replacing: Option<&SeatId>) -> usize {
        let calls = self.calls.list.iter().map(|call| call.replacing.as_ref());
        let leaving: std::collections::BTreeSet<_> = calls
            .chain([replacing])
            .flatten()
            .filter(|seat| self.stage.contains(seat))
            .collect();
        self.stage.list().len() + self.calls.list.len() + 1 - leaving.len()
    }

    pub(super) fn consent(
        &mut self,
        now: UnixMs,
        own: &SeatId,
        id: u32,
        out: &mut Out,
    ) -> Result<(), Reason> {
        let index = self.own_call(own, id)?;
        let call = &mut self.calls.list[index];
        if call.step != Step::Asked {
            return Ok(());
        }
        if call.at.plus(self.plan.limits.consent_ms) <= now {
            return Err(Reason::NoSuchCall);
        }
        call.step = Step::Agreed {
            consent: Agreed::Now,
            at: now,
            prepared: false,
        };
        tell_call(call, &self.plan.limits, out);
        out.push(Event::Prepare(own.clone()));
        Ok(())
    }

    pub(super) fn decline(&mut self, own: &SeatId, id: u32, out: &mut Out) -> Result<(), Reason> {
        let index = self.own_call(own, id)?;
        self.end_call(index, CallEnd::Declined, out);
        self.lower(own, out);
        Ok(())
    }

    pub(super) fn cancel(&mut self, seat: &SeatId, out: &mut Out) -> Result<(), Reason> {
        let mut calls = self.calls.list.iter();
        let index = calls.position(|call| call.seat == *seat);
        self.end_call(index.ok_or(Reason::NoSuchCall)?, CallEnd::Cancelled, out);
        Ok(())
    }

    pub(super) fn end_calls(&mut self, end: CallEnd, out: &mut Out) {
        while !self.calls.list.is_empty() {
            self.end_call(0, end, out);
        }
    }

    /// Of a room that is not about to come onto the stage nothing was wanted; that changes nothing.
    pub(super) fn prepared(&mut self, seat: &SeatId) -> Result<(), Reason> {
        self.calls.set_prepared(seat, true);
        Ok(())
    }

    pub(super) fn calls_due(&self) -> Option<UnixMs> {
        let calls = self.calls.list.iter();
        calls.map(|call| self.next_of(call).0).min()
    }

    /// Whether a call has come to its end, on the stage or not.
    pub(super) fn switch(&mut self, now: UnixMs, out: &mut Out) -> bool {
        let due = self
            .calls
            .list
            .iter()
            .enumerate()
            .find_map(|(index, call)| {
                let (at, next) = self.next_of(call);
                (at <= now).then_some((index, next))
            });
        match due {
            None => return false,
            Some((index, Next::GiveUp(end))) => self.end_call(index, end, out),
            Some((index, Next::Switch)) => {
                let Call {
                    id,
                    seat,
                    replacing,
                    ..
                } = self.calls.list.remove(index);
                self.enter_stage(now, &seat, replacing.as_ref(), out);
                tell_end(id, &seat, CallEnd::OnStage, out);
                self.lower(&seat, out);
                self.count_called(now, &seat, out);
            }
        }
        true
    }

    fn next_of(&self, call: &Call) -> (UnixMs, Next) {
        let camera = if !self.is_here(&call.seat) {
            Err(CallEnd::NoAnswer)
        } else if !self.camera(&call.seat) {
            Err(CallEnd::NoPicture)
        } else {
            Ok(())
        };
        call.next(&self.plan.limits, camera)
    }

    fn own_call(&self, own: &SeatId, id: u32) -> Result<usize, Reason> {
        let mut calls = self.calls.list.iter();
        let index = calls.position(|call| call.id == id && call.seat == *own);
        index.ok_or(Reason::NoSuchCall)
    }

    fn end_call(&mut self, index: usize, end: CallEnd, out: &mut Out) {
        let call = self.calls.list.remove(index);
        tell_end(call.id, &call.seat, end, out);
        if let Step::Agreed { .. } = call.step {
            out.push(Event::Relax(call.seat));
        }
    }
}

fn tell_call(call: &Call, limits: &Limits, out: &mut Out) {
    let to = Audience::SeatAndTeaching(call.seat.clone());
    let call = call.told(limits);
    out.tell(to, News::Called { call });
}

fn tell_end(call: u32, seat: &SeatId, end: CallEnd, out: &mut Out) {
    let seat = seat.clone();
    let to = Audience::SeatAndTeaching(seat.clone());
    out.tell(to, News::CallOver { call, seat, end });
}
