//! Whatever anybody does in whatever order, some things always hold.

mod witness;

use std::collections::BTreeSet;

use protocol::lesson::{Answer, Command, Form, Phase, Presence, Whisper};
use protocol::{Role, Source};

use witness::Witness;

use super::script::{MINUTE, STARTS, Script, actor, plan, room, seat};
use crate::directory::{Place, PublicationId};
use crate::key::Kind;
use crate::lesson::{Act, Actor, Input, Limits, Policy, allowed};

/// A generator whose sequences are the same everywhere (xorshift, Marsaglia 2003).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }

    fn one_of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u64) as usize]
    }
}

const NAMES: [&str; 11] = [
    "teacher", "operator", "observer", "recorder", "room-1", "room-2", "room-3", "room-4",
    "room-5", "room-6", "room-7",
];
const ROOMS: u32 = 6;

fn anything(dice: &mut Dice, now: protocol::lesson::UnixMs) -> Input {
    let target = room(dice.below(u64::from(ROOMS) + 1) as u32 + 1);
    let replacing = (dice.below(3) == 0).then(|| room(dice.below(u64::from(ROOMS)) as u32 + 1));
    let id = dice.below(40) as u32;
    let answer = Answer::Count { n: 1, of: 2 };
    Input::Do(match dice.below(60) {
        0..2 => return Input::Went,
        2..9 => return Input::Came,
        9..14 => return Input::Published(dice.one_of(&Source::ALL)),
        14..17 => return Input::Published(Source::Room),
        17..19 => return Input::Unpublished(dice.one_of(&Source::ALL)),
        19..23 => return Input::Prepared,
        23 if dice.below(8) == 0 => Command::End,
        23 => Command::Open,
        24 => Command::Start,
        25 if dice.below(8) == 0 => Command::Archive,
        25 => Command::Extend {
            until: now.plus(dice.below(90 * MINUTE)),
        },
        26 => Command::Invite {
            seat: target,
            name: "7".into(),
        },
        27..32 => Command::Call {
            seat: target,
            replacing,
        },
        32..34 => Command::CallSeldom { replacing },
        34 => Command::CancelCall { seat: target },
        35 => Command::SendBack { seat: target },
        36 => Command::Mute { seat: target },
        37 => Command::MuteAll,
        38..40 => Command::Unmute { seat: target },
        40 => Command::DismissHand { seat: target },
        41 if dice.below(4) == 0 => Command::DismissHands,
        41..45 => Command::RaiseHand,
        45 => Command::LowerHand,
        46..52 => Command::Consent { call: id },
        52 => Command::Decline { call: id },
        53 => Command::StepDown,
        54 => Command::CloseMicrophone,
        55 => Command::OpenMicrophone,
        56 => Command::Ask {
            text: "?".into(),
            form: Form::Count,
        },
        57 => Command::CloseQuestion { question: id },
        58 => Command::Answer {
            question: id,
            answer,
        },
        _ => Command::Whisper {
            whisper: Whisper::Done,
        },
    })
}

/// Mostly somebody who may, at some time.
fn somebody(dice: &mut Dice, input: &Input) -> Actor {
    let who = actor(dice.one_of(&NAMES));
    let may = |role| {
        let deed = input.deed();
        deed.is_none_or(|deed| Phase::ALL.iter().any(|at| allowed(role, deed, *at).is_ok()))
    };
    match may(who.role) || dice.below(8) == 0 {
        true => who,
        false => somebody(dice, input),
    }
}

fn holds(script: &Script, witness: &Witness) {
    script.lesson.check().unwrap();
    assert!(script.lesson.due().is_none_or(|due| due > script.now));
    let view = script.lesson.view(&actor("teacher"));
    assert!(view.stage.len() <= 4);
    let kept = Limits::default().hand_ms;
    for hand in &view.hands {
        let room = view.rooms.iter().find(|room| room.seat == hand.seat);
        match room.unwrap().presence {
            Presence::Here => {}
            Presence::Away { since } => assert!(script.now.since(since) < kept),
            Presence::Expected => panic!("{} has never come", hand.seat),
        }
    }
    if script.phase() >= Phase::Ended {
        assert_eq!(
            witness.on,
            BTreeSet::new(),
            "an ended lesson publishes nothing"
        );
        for name in NAMES {
            let who = actor(name);
            for source in Source::ALL {
                assert!(script.lesson.may(&who, Act::Publish(source)).is_err());
                let place = Place::Publication(PublicationId::new(source, &room(1)));
                assert_eq!(script.lesson.shows(&who, &place, Kind::Video), None);
            }
            for n in 0..=5 {
                let place = Place::Stage(n);
                assert_eq!(script.lesson.shows(&who, &place, Kind::Audio), None);
            }
        }
    }
}

fn play(seed: u64) -> (Witness, Phase) {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut plan = plan(ROOMS);
    for (index, room) in plan.rooms.iter_mut().enumerate() {
        if index % 2 == 1 {
            room.policy = Policy::Standing;
        }
    }
    let mut script = Script::new(plan);
    script.now = STARTS.minus(12 * MINUTE);
    let mut witness = Witness::default();
    let nobody = Actor::new(seat("clock"), Role::Operator);
    for _ in 0..600 {
        script.now = match dice.below(100) {
            0 => script.now.plus(dice.below(4 * MINUTE)),
            1 => script.now.minus(dice.below(MINUTE)),
            _ => script.now.plus(dice.below(3_000)),
        };
        let events = script.lesson.poll(script.now);
        witness.sees(&nobody, None, &events);
        holds(&script, &witness);
        if dice.below(200) == 0 {
            script.restart(dice.below(10_000));
            witness.on.clear();
            let events = script.lesson.poll(script.now);
            witness.sees(&nobody, None, &events);
        }
        let mut input = anything(&mut dice, script.now);
        let mut who = somebody(&mut dice, &input);
        // Chance alone would seldom agree to the right call.
        if let Input::Do(Command::Consent { call }) = &mut input
            && let Some(own) = script.lesson.view(&actor("teacher")).calls.first()
        {
            *call = own.id;
            who.seat = own.seat.clone();
        }
        let before = script.lesson.clone();
        match script.lesson.handle(script.now, &who, input.clone()) {
            Ok(events) => witness.sees(&who, Some(&input), &events),
            Err(_) => assert_eq!(script.lesson, before, "what is refused changes nothing"),
        }
        holds(&script, &witness);
        if script.phase() == Phase::Archived {
            break;
        }
    }
    (witness, script.phase())
}

#[test]
fn whatever_anybody_does_some_things_always_hold() {
    let (mut entered, mut opened, mut ended) = (0, 0, 0);
    for seed in 1..=60 {
        let (witness, phase) = play(seed);
        entered += witness.entered;
        opened += witness.opened;
        ended += usize::from(phase >= Phase::Ended);
    }
    // Lessons in which nothing happens would prove nothing.
    assert!(
        entered > 100 && opened > 5 && ended > 10,
        "{entered} {opened} {ended}"
    );
}
