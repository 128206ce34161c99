//! A call, and what is to be done about it when.

use protocol::SeatId;
use protocol::lesson::{Call as Told, CallEnd, Consent, UnixMs};
use serde::{Deserialize, Serialize};

use crate::lesson::plan::Limits;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::lesson) struct Calls {
    pub(super) list: Vec<Call>,
    pub(super) last_id: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Call {
    pub(super) id: u32,
    pub(super) seat: SeatId,
    pub(super) replacing: Option<SeatId>,
    pub(super) at: UnixMs,
    pub(super) step: Step,
}

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
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
pub(super) enum Agreed {
    Now,
    Beforehand,
}

/// What is to be done about a call.
pub(super) enum Next {
    Switch,
    GiveUp(CallEnd),
}

impl Calls {
    pub(in crate::lesson) fn seats(&self) -> impl Iterator<Item = &SeatId> {
        self.list.iter().map(|call| &call.seat)
    }

    pub(in crate::lesson) fn contains(&self, seat: &SeatId) -> bool {
        self.seats().any(|other| other == seat)
    }

    /// The rooms that have agreed.
    pub(in crate::lesson) fn agreed(&self) -> impl Iterator<Item = &SeatId> {
        let is_agreed = |call: &&Call| matches!(call.step, Step::Agreed { .. });
        self.list.iter().filter(is_agreed).map(|call| &call.seat)
    }

    pub(in crate::lesson) fn told(&self, limits: &Limits) -> impl Iterator<Item = Told> {
        self.list.iter().map(|call| call.told(limits))
    }

    pub(in crate::lesson) fn unprepare(&mut self, seat: &SeatId) {
        self.set_prepared(seat, false);
    }

    pub(in crate::lesson) fn shift(&mut self, by: impl Fn(UnixMs) -> UnixMs) {
        for call in &mut self.list {
            call.at = by(call.at);
            if let Step::Agreed { at, .. } = &mut call.step {
                *at = by(*at);
            }
        }
    }

    pub(super) fn set_prepared(&mut self, seat: &SeatId, now: bool) {
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
    pub(super) fn told(&self, limits: &Limits) -> Told {
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
    pub(super) fn next(&self, limits: &Limits, camera: Result<(), CallEnd>) -> (UnixMs, Next) {
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
