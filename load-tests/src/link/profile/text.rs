//! Profiles as TOML, and what is wrong with them.

use std::time::Duration;

use serde::Deserialize;

use super::units::{LossText, Rate, Room, Share, Span};
use super::{Bottleneck, Conditions, Loss, Profile, Step};

/// The longest profile.
const LONGEST: Duration = Duration::from_secs(86_400);
/// The longest delay.
const MAX_DELAY: Duration = Duration::from_secs(10);
/// What a bottleneck queues when the profile does not say.
const DEFAULT_ROOM: Room = Room::Time(Duration::from_millis(100));
/// A queue that cannot hold one full packet lets nothing through.
const SMALLEST_QUEUE: u64 = 1600;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    about: String,
    seconds: f64,
    #[serde(default)]
    down: Settings,
    #[serde(default)]
    up: Settings,
    #[serde(default)]
    step: Vec<StepText>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StepText {
    at: Span,
    #[serde(default)]
    down: Settings,
    #[serde(default)]
    up: Settings,
}

/// One direction; what is missing stays as it was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    delay: Option<Span>,
    jitter: Option<Span>,
    loss: Option<LossText>,
    duplicate: Option<Share>,
    reorder: Option<u32>,
    rate: Option<Rate>,
    queue: Option<Room>,
    outage: Option<bool>,
}

/// Reads a profile; what is wrong is said in one line without its origin.
pub fn read(name: &str, text: &str) -> Result<Profile, String> {
    let document: Document = toml::from_str(text).map_err(|error| locate(text, &error))?;
    let length = Duration::try_from_secs_f64(document.seconds)
        .ok()
        .filter(|length| !length.is_zero() && *length <= LONGEST)
        .ok_or_else(|| format!("seconds: {} is no length of a profile", document.seconds))?;
    let (mut down, mut up) = (document.down, document.up);
    let mut steps = vec![step(Duration::ZERO, down, up, "")?];
    for text in &document.step {
        let Span(at) = text.at;
        let place = format!("step at {} s: ", at.as_secs_f64());
        if steps.last().is_some_and(|last| last.at >= at) {
            return Err(format!("{place}at must be later than the step before"));
        }
        if at >= length {
            return Err(format!("{place}at must be before the profile's end"));
        }
        if (text.down, text.up) == (Settings::default(), Settings::default()) {
            return Err(format!("{place}changes nothing"));
        }
        down = down.then(text.down);
        up = up.then(text.up);
        steps.push(step(at, down, up, &place)?);
    }
    Ok(Profile {
        name: name.to_owned(),
        about: document.about,
        length,
        steps,
    })
}

fn step(at: Duration, down: Settings, up: Settings, place: &str) -> Result<Step, String> {
    Ok(Step {
        at,
        down: down
            .conditions()
            .map_err(|what| format!("{place}down.{what}"))?,
        up: up
            .conditions()
            .map_err(|what| format!("{place}up.{what}"))?,
    })
}

/// The parser's message with its line, instead of its drawing of the place.
fn locate(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().replace('\n', ", ");
    match error.span() {
        Some(span) => {
            let line = text
                .bytes()
                .take(span.start)
                .filter(|byte| *byte == b'\n')
                .count()
                + 1;
            format!("line {line}: {message}")
        }
        None => message,
    }
}

impl Settings {
    fn then(self, next: Self) -> Self {
        Self {
            delay: next.delay.or(self.delay),
            jitter: next.jitter.or(self.jitter),
            loss: next.loss.or(self.loss),
            duplicate: next.duplicate.or(self.duplicate),
            reorder: next.reorder.or(self.reorder),
            rate: next.rate.or(self.rate),
            queue: next.queue.or(self.queue),
            outage: next.outage.or(self.outage),
        }
    }

    fn conditions(self) -> Result<Conditions, String> {
        let delay = self.delay.map_or(Duration::ZERO, |Span(delay)| delay);
        let jitter = self.jitter.map_or(Duration::ZERO, |Span(jitter)| jitter);
        if delay > MAX_DELAY {
            return Err("delay: more than 10s is no line".to_owned());
        }
        if jitter > delay {
            return Err("jitter: it cannot be more than delay".to_owned());
        }
        match self.reorder {
            Some(0 | 1) => return Err("reorder: every second packet at most".to_owned()),
            Some(_) if delay.is_zero() => {
                return Err("reorder: a line without delay has nothing to overtake".to_owned());
            }
            _ => {}
        }
        Ok(Conditions {
            delay,
            jitter,
            loss: self.loss()?,
            duplicate: self.duplicate.map_or(0.0, |Share(share)| share),
            reorder: self.reorder,
            bottleneck: self.bottleneck()?,
            outage: self.outage.unwrap_or(false),
        })
    }

    fn loss(&self) -> Result<Loss, String> {
        match self.loss {
            None => Ok(Loss::None),
            Some(LossText::Random(Share(share))) => Ok(match share > 0.0 {
                true => Loss::Random(share),
                false => Loss::None,
            }),
            Some(LossText::Bursts(text)) => {
                let Share(average) = text.average;
                if !(1.0..=10_000.0).contains(&text.burst) {
                    return Err("loss: burst must be from 1 to 10000 packets".to_owned());
                }
                if average == 0.0 {
                    return Ok(Loss::None);
                }
                let loss = Loss::Bursts {
                    average,
                    burst: text.burst,
                };
                match loss.packets_between_bursts() >= 1.0 {
                    true => Ok(loss),
                    false => Err("loss: bursts so short cannot lose so much".to_owned()),
                }
            }
        }
    }

    fn bottleneck(&self) -> Result<Option<Bottleneck>, String> {
        let Some(Rate(Some(bits_per_second))) = self.rate else {
            return match (self.rate, self.queue) {
                (None, Some(_)) => Err("queue: needs a rate".to_owned()),
                _ => Ok(None),
            };
        };
        let queue_bytes = match self.queue.unwrap_or(DEFAULT_ROOM) {
            Room::Bytes(bytes) => bytes,
            Room::Time(time) => (bits_per_second as f64 / 8.0 * time.as_secs_f64()) as u64,
        };
        if queue_bytes < SMALLEST_QUEUE {
            return Err(format!("queue: {queue_bytes} B do not hold one packet"));
        }
        Ok(Some(Bottleneck {
            bits_per_second,
            queue_bytes,
        }))
    }
}
