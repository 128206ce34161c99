//! A lesson that is played: steps, time that passes at once, and what was told.

use std::collections::BTreeSet;

use protocol::lesson::{Attention, Command, News, Phase, Reason, Recording, UnixMs, Voice};
use protocol::{Role, SeatId, Source};

use crate::lesson::{
    Actor, Event, Input, Invitation, Lesson, Limits, Plan, Policy, Row, Saved, Start,
};

/// The lesson's beginning.
pub const STARTS: UnixMs = UnixMs(1_795_180_000_000);
pub const SECOND: u64 = 1_000;
pub const MINUTE: u64 = 60 * SECOND;

/// No room at all.
pub const NOBODY: [u32; 0] = [];

pub struct Script {
    pub lesson: Lesson,
    pub now: UnixMs,
    events: Vec<Event>,
}

pub fn seat(name: &str) -> SeatId {
    name.parse().unwrap()
}

pub fn room(n: u32) -> SeatId {
    seat(&format!("room-{n}"))
}

/// `teacher`, `operator`, `observer`, `recorder` or a room.
pub fn actor(name: &str) -> Actor {
    let role = match name {
        "teacher" => Role::Teacher,
        "operator" => Role::Operator,
        "observer" => Role::Observer,
        "recorder" => Role::Recorder,
        _ => Role::Room,
    };
    Actor::new(seat(name), role)
}

/// Forty minutes with so many rooms, that are asked at every call.
pub fn plan(rooms: u32) -> Plan {
    Plan {
        lesson: "maths".parse().unwrap(),
        title: "分数".into(),
        course: "五年级数学".into(),
        school: "实验小学".into(),
        teacher: seat("teacher"),
        sources: vec![Source::Camera, Source::Courseware],
        rooms: (1..=rooms)
            .map(|n| Invitation {
                seat: room(n),
                name: format!("教室 {n}"),
                policy: Policy::Ask,
                term: Attention::default(),
            })
            .collect(),
        starts: STARTS,
        ends: STARTS.plus(40 * MINUTE),
        recording: Recording::Lesson,
        stage: 4,
        start: Start::Timetable,
        limits: Limits::default(),
    }
}

impl Script {
    /// An hour before the beginning.
    pub fn new(plan: Plan) -> Self {
        let now = STARTS.minus(60 * MINUTE);
        Self {
            lesson: Lesson::new(now, plan).unwrap(),
            now,
            events: Vec::new(),
        }
    }

    /// Live, everybody there and every camera on; nothing told so far counts.
    pub fn live(plan: Plan) -> Self {
        let rooms = plan.rooms.len();
        let mut script = Self::new(plan);
        script.does("teacher", Input::Came);
        script.does("teacher", Command::Open);
        script.does("teacher", Input::Published(Source::Camera));
        for n in 1..=rooms {
            script.does(&format!("room-{n}"), Input::Came);
            script.does(&format!("room-{n}"), Input::Published(Source::Room));
        }
        script.does("teacher", Command::Start);
        script.events.clear();
        script
    }

    /// Somebody does something that is allowed.
    pub fn does(&mut self, who: &str, input: impl Into<Input>) {
        let input = input.into();
        let before = self.lesson.revision();
        let done = self.lesson.handle(self.now, &actor(who), input.clone());
        self.events
            .extend(done.unwrap_or_else(|refused| panic!("{who}: {input:?}: {refused}")));
        assert!(self.lesson.revision() > before, "it is to be saved");
        self.check();
    }

    /// Somebody tries something that is not, and nothing changes.
    pub fn refused(&mut self, who: &str, input: impl Into<Input>, reason: Reason) {
        // The time goes on even so.
        self.lesson.advance(self.now);
        let before = self.lesson.clone();
        let input = input.into();
        let refused = self.lesson.handle(self.now, &actor(who), input.clone());
        let refused = refused.expect_err(&format!("{who}: {input:?}"));
        assert_eq!(refused.reason, reason, "{who}: {input:?}");
        assert_eq!(refused.entry.refused, Some(reason));
        assert_eq!(self.lesson, before, "{who}: {input:?}");
    }

    /// Time passes; whatever becomes due is done in its time.
    pub fn wait(&mut self, ms: u64) {
        let until = self.now.plus(ms);
        while let Some(due) = self.lesson.due().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.poll();
            assert_ne!(self.lesson.due(), Some(due), "what is due is done");
        }
        self.now = until;
    }

    pub fn poll(&mut self) {
        let events = self.lesson.poll(self.now);
        self.events.extend(events);
        self.check();
    }

    /// The relay is off for so long, and everybody is cut.
    pub fn restart(&mut self, off_ms: u64) -> Vec<Event> {
        let text = serde_json::to_string(&self.lesson.save()).unwrap();
        self.now = self.now.plus(off_ms);
        let saved: Saved = serde_json::from_str(&text).unwrap();
        let (lesson, events) = Lesson::restore(self.now, saved).unwrap();
        self.lesson = lesson;
        self.check();
        events
    }

    /// Calls a room that agrees and is ready; it is on the stage when the countdown is over.
    pub fn bring(&mut self, n: u32) {
        let name = format!("room-{n}");
        self.does("teacher", call(n));
        let call = self.call_of(n);
        self.does(&name, Command::Consent { call });
        self.does(&name, Input::Prepared);
        self.wait(3 * SECOND);
        assert!(self.on_stage().contains(&n));
    }

    /// The number of a room's call.
    pub fn call_of(&self, n: u32) -> u32 {
        let calls = self.lesson.view(&actor("teacher")).calls;
        let call = calls.iter().find(|call| call.seat == room(n));
        call.expect("the room is called").id
    }

    /// The rooms on the stage, in order.
    pub fn on_stage(&self) -> Vec<u32> {
        let places = self.lesson.stage().iter();
        places.map(|place| number(&place.seat)).collect()
    }

    pub fn voice(&self, n: u32) -> Option<Voice> {
        let mut places = self.lesson.stage().iter();
        Some(places.find(|place| place.seat == room(n))?.voice)
    }

    /// The queue.
    pub fn hands(&self) -> Vec<u32> {
        let view = self.lesson.view(&actor("teacher"));
        view.hands.iter().map(|hand| number(&hand.seat)).collect()
    }

    pub fn phase(&self) -> Phase {
        self.lesson.phase()
    }

    /// What has followed since this was asked last.
    pub fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// What `who` has been told since anything was asked last.
    pub fn told(&mut self, who: &str) -> Vec<News> {
        let who = actor(who);
        let told = self.events().into_iter().filter_map(|event| match event {
            Event::Tell { to, told } if to.includes(&who) => Some(told.news),
            _ => None,
        });
        told.collect()
    }

    /// What is to be kept since anything was asked last.
    pub fn kept(&mut self) -> Vec<Row> {
        let kept = self.events().into_iter().filter_map(|event| match event {
            Event::Keep { row, .. } => Some(row),
            _ => None,
        });
        kept.collect()
    }

    fn check(&self) {
        self.lesson.check().unwrap();
        let revisions = self.events.iter().filter_map(|event| match event {
            Event::Tell { told, .. } => Some(told.revision),
            _ => None,
        });
        let revisions: Vec<_> = revisions.collect();
        let distinct: BTreeSet<_> = revisions.iter().collect();
        assert!(revisions.is_sorted() && distinct.len() == revisions.len());
    }
}

pub fn call(n: u32) -> Command {
    Command::Call {
        seat: room(n),
        replacing: None,
    }
}

pub fn swap(n: u32, old: u32) -> Command {
    Command::Call {
        seat: room(n),
        replacing: Some(room(old)),
    }
}

fn number(seat: &SeatId) -> u32 {
    seat.as_str().trim_start_matches("room-").parse().unwrap()
}
