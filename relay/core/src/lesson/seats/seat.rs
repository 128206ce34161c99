//! A seat that somebody is on or was on.

use std::collections::BTreeSet;

use protocol::lesson::{Presence, UnixMs, Whispered};
use protocol::{Role, Source};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::lesson) struct Seat {
    pub(in crate::lesson) role: Role,
    /// Its connections.
    pub(in crate::lesson) links: u16,
    /// Since when it has had none.
    pub(in crate::lesson) away: Option<UnixMs>,
    pub(in crate::lesson) sources: BTreeSet<Source>,
    pub(in crate::lesson) whispered: Option<Whispered>,
    /// When the teacher's chime sounded for it.
    pub(in crate::lesson) chimed: Option<UnixMs>,
}

impl Seat {
    pub(super) fn new(role: Role) -> Self {
        Self {
            role,
            links: 0,
            away: None,
            sources: BTreeSet::new(),
            whispered: None,
            chimed: None,
        }
    }

    pub(in crate::lesson) fn is_here(&self) -> bool {
        self.links > 0
    }

    pub(in crate::lesson) fn publishes(&self, source: Source) -> bool {
        self.sources.contains(&source)
    }

    pub(in crate::lesson) fn publishes_any(&self) -> bool {
        !self.sources.is_empty()
    }

    pub(in crate::lesson) fn has_come(&self) -> bool {
        self.presence() != Presence::Expected
    }

    pub(in crate::lesson) fn presence(&self) -> Presence {
        match self.away {
            _ if self.is_here() => Presence::Here,
            Some(since) => Presence::Away { since },
            None => Presence::Expected,
        }
    }

    pub(in crate::lesson) fn shift(&mut self, by: impl Fn(UnixMs) -> UnixMs) {
        let whispered = self.whispered.as_mut().map(|whispered| &mut whispered.at);
        let times = [self.away.as_mut(), self.chimed.as_mut(), whispered];
        times.into_iter().flatten().for_each(|at| *at = by(*at));
    }

    /// The relay has restarted: nobody is connected. Whether somebody was.
    pub(in crate::lesson) fn cut(&mut self, now: UnixMs) -> bool {
        self.sources.clear();
        let was_here = std::mem::take(&mut self.links) > 0;
        if was_here {
            self.away = Some(now);
        }
        was_here
    }

    /// Whether the seat is remembered when nobody is on it.
    pub(in crate::lesson) fn is_kept(&self) -> bool {
        matches!(self.role, Role::Teacher | Role::Room)
    }
}
