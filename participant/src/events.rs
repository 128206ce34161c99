//! What the relay tells a room besides media (`protocol::event`): how its line is. Media does not depend on it.

mod link;

use std::time::Duration;

use protocol::SeatId;
use protocol::event::{Event, Request};
use protocol::line::{Line, Playback};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use url::Url;

use crate::Door;
use crate::retry::Backoff;
use link::{Failure, Link};

/// Time between two reports of the player.
const REPORT: Duration = Duration::from_secs(2);
/// The relay asks every twenty seconds whether somebody is there: after so much silence, it is not.
const SILENCE: Duration = Duration::from_secs(50);

/// Follows a lesson's events, and comes back by itself. Dropping it ends it.
#[derive(Debug)]
pub struct Events {
    line: watch::Receiver<Option<Line>>,
    playback: watch::Sender<Playback>,
    _following: JoinSet<()>,
}

impl Events {
    /// Follows the lesson that `door`, a WHEP address of a relay, watches. `None` when the address is not of that form.
    pub fn follow(door: &Door) -> Option<Self> {
        let address = Address::of(&door.url)?;
        let (told, line) = watch::channel(None);
        let (playback, played) = watch::channel(Playback::default());
        let mut following = JoinSet::new();
        following.spawn(follow(door.clone(), address, told, played));
        Some(Self {
            line,
            playback,
            _following: following,
        })
    }

    /// How the room's line is; `None` while the relay does not tell.
    pub fn line(&self) -> Option<Line> {
        self.line.borrow().clone()
    }

    /// What the player has counted since its start. The relay is told every two seconds.
    pub fn report(&self, playback: Playback) {
        self.playback.send_replace(playback);
    }
}

/// Where the events of a WHEP address are.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Address {
    url: Url,
    seat: Option<SeatId>,
}

impl Address {
    fn of(whep: &Url) -> Option<Self> {
        let mut segments: Vec<_> = whep.path_segments()?.collect();
        let at = segments.iter().rposition(|segment| *segment == "whep")?;
        let lesson = *segments.get(at + 1).filter(|lesson| !lesson.is_empty())?;
        segments.truncate(at);
        segments.extend(["api", "lessons", lesson, "events"]);
        let mut url = whep.clone();
        url.set_path(&segments.join("/"));
        url.set_query(None);
        url.set_fragment(None);
        let seat = whep.query_pairs().find(|(name, _)| name == "seat");
        Some(Self {
            url,
            seat: seat.and_then(|(_, seat)| seat.parse().ok()),
        })
    }
}

async fn follow(
    door: Door,
    address: Address,
    told: watch::Sender<Option<Line>>,
    played: watch::Receiver<Playback>,
) {
    let mut backoff = Backoff::new();
    loop {
        let began = Instant::now();
        let failure = attempt(&door, &address, &told, played.clone()).await;
        told.send_replace(None);
        let wait = match failure {
            Failure::Refused(why) => {
                tracing::debug!(why, "the relay does not tell its events");
                backoff.after_refusal()
            }
            Failure::Lost(why) => {
                tracing::debug!(why, "the event stream is gone");
                backoff.after_failure(began.elapsed())
            }
        };
        tokio::time::sleep(wait).await;
    }
}

/// One connection, from its beginning to its end.
async fn attempt(
    door: &Door,
    address: &Address,
    told: &watch::Sender<Option<Line>>,
    played: watch::Receiver<Playback>,
) -> Failure {
    match converse(door, address, told, played).await {
        Ok(never) => match never {},
        Err(failure) => failure,
    }
}

async fn converse(
    door: &Door,
    address: &Address,
    told: &watch::Sender<Option<Line>>,
    mut played: watch::Receiver<Playback>,
) -> Result<std::convert::Infallible, Failure> {
    let mut link = Link::open(door, &address.url).await?;
    let hello = Request::Hello {
        token: door.token.clone(),
        seat: address.seat.clone(),
    };
    link.say(&hello).await?;
    let before = *played.borrow_and_update();
    let mut own = None;
    let mut report = interval(REPORT);
    report.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let event = tokio::select! {
            event = timeout(SILENCE, link.event()) => {
                event.map_err(|_| Failure::Lost("nothing is heard of the relay".into()))??
            }
            _ = report.tick() => {
                if played.has_changed().unwrap_or(false) {
                    let now = *played.borrow_and_update();
                    link.say(&Request::Playback(now.since(&before))).await?;
                }
                continue;
            }
        };
        match event {
            Some(Event::Snapshot { seat, lines, .. }) => {
                told.send_replace(lines.into_iter().find(|line| line.seat == seat));
                own = Some(seat);
            }
            Some(Event::Line { line }) if own.as_ref() == Some(&line.seat) => {
                told.send_replace(Some(line));
            }
            Some(Event::Gone { seat }) if own.as_ref() == Some(&seat) => {
                told.send_replace(None);
            }
            Some(Event::Problem { problem }) => return Err(Failure::Refused(problem.detail)),
            Some(Event::Line { .. } | Event::Gone { .. }) | None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(whep: &str) -> Option<(String, Option<String>)> {
        let address = Address::of(&whep.parse().unwrap())?;
        Some((address.url.into(), address.seat.map(String::from)))
    }

    #[test]
    fn events_are_beside_the_door() {
        let found = |url: &str, seat: Option<&str>| Some((url.into(), seat.map(str::to_owned)));
        assert_eq!(
            address("http://relay:8443/whep/demo"),
            found("http://relay:8443/api/lessons/demo/events", None)
        );
        assert_eq!(
            address("https://relay/below/whep/demo/camera?seat=room-7#x"),
            found(
                "https://relay/below/api/lessons/demo/events",
                Some("room-7")
            )
        );
        for elsewhere in [
            "http://relay/",
            "http://relay/whep",
            "http://relay/whep/",
            "http://relay/live/demo",
        ] {
            assert_eq!(address(elsewhere), None, "{elsewhere}");
        }
    }
}
