//! Sees what follows, and that nothing follows that must not.

use std::collections::BTreeSet;

use protocol::lesson::{Command, News, Voice};
use protocol::{Role, SeatId, Source};

use super::ROOMS;
use crate::lesson::tests::script::room;
use crate::lesson::{Actor, Audience, Event, Input};

/// What the world outside knows.
#[derive(Default)]
pub struct Witness {
    /// Rooms that have said yes since they were called last.
    agreed: BTreeSet<SeatId>,
    /// Publications that are on.
    pub on: BTreeSet<(SeatId, Source)>,
    stage: Vec<(SeatId, Voice)>,
    pub entered: usize,
    pub opened: usize,
}

impl Witness {
    pub fn sees(&mut self, who: &Actor, input: Option<&Input>, events: &[Event]) {
        match input {
            Some(Input::Do(Command::Consent { .. })) => {
                self.agreed.insert(who.seat.clone());
            }
            Some(Input::Published(source)) => {
                self.on.insert((who.seat.clone(), *source));
            }
            Some(Input::Unpublished(source)) => {
                self.on.remove(&(who.seat.clone(), *source));
            }
            _ => {}
        }
        for event in events {
            match event {
                Event::Close { seat, source } => {
                    assert!(self.on.remove(&(seat.clone(), *source)));
                }
                Event::Tell { to, told } => stays_private(to, &told.news),
                Event::Stage(places) => {
                    let places = places.iter().map(|place| (place.seat.clone(), place.voice));
                    self.stage_is(who, input, places.collect());
                }
                _ => {}
            }
        }
    }

    fn stage_is(&mut self, who: &Actor, input: Option<&Input>, stage: Vec<(SeatId, Voice)>) {
        for (seat, voice) in &stage {
            // Even numbers have agreed beforehand.
            let has_policy = seat.as_str().as_bytes()[5].is_multiple_of(2);
            match self.stage.iter().find(|(before, _)| before == seat) {
                None => {
                    self.entered += 1;
                    let agreed = self.agreed.remove(seat);
                    assert!(agreed || has_policy, "{seat} was not asked");
                }
                Some((_, before)) if *before != Voice::Open && *voice == Voice::Open => {
                    self.opened += 1;
                    let by_itself =
                        who.seat == *seat && input == Some(&Input::Do(Command::OpenMicrophone));
                    let by_policy = has_policy && *before == Voice::Muted;
                    assert!(by_itself || by_policy, "{seat} was opened from afar");
                }
                Some(_) => {}
            }
        }
        self.stage = stage;
    }
}

/// Rooms are told nothing of each other's calls and answers, and nothing that is for the teacher.
fn stays_private(to: &Audience, news: &News) {
    for n in 1..=ROOMS {
        let own = room(n);
        if !to.includes(&Actor::new(own.clone(), Role::Room)) {
            continue;
        }
        match news {
            News::Whispered { .. } | News::Attention { .. } | News::Camera { .. } => {
                panic!("{own} is told {news:?}");
            }
            News::Called { call } => assert_eq!(call.seat, own),
            News::CallOver { seat, .. } => assert_eq!(*seat, own),
            News::Answered {
                answered, waiting, ..
            } => assert!(answered.seat == own && waiting.is_empty()),
            News::Asked { question } => {
                let others = question.waiting.iter().any(|seat| *seat != own);
                assert!(!others && question.answers.is_empty());
            }
            _ => {}
        }
    }
}
