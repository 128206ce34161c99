//! Calling a room onto the stage: notice and countdown, consent there, its camera prepared unseen, then one switch for everybody.

mod call;

pub(super) use call::Calls;

use std::collections::BTreeSet;

use protocol::SeatId;
use protocol::lesson::{CallEnd, News, Reason, UnixMs};

use super::Lesson;
use super::event::{Audience, Event, Out};
use super::plan::{Limits, Policy};
use call::{Agreed, Call, Next, Step};

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
        let leaving: BTreeSet<_> = calls
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
