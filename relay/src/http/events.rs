//! The event stream: what changes in a lesson, told to whoever follows it over a WebSocket (`protocol::event`).
//!
//! No messages are queued for a client: whenever it is ready it is told what has changed since it was told last. One that reads slowly
//! skips states and costs the relay one message in flight; one that reads nothing for [`PATIENCE`](super::PATIENCE) is let go.

mod link;
mod listeners;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::Duration;

use axum::extract::ws::{WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Path, State};
use axum::response::Response;
use protocol::event::{Event, MAX_REQUEST, Request};
use protocol::line::{Line, Listener, Playback};
use protocol::{LessonId, SeatId};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tracing::{Instrument, debug, info_span};

use super::access::Audience;
use super::{App, Refusal};
use link::{Link, Lost};
pub(super) use listeners::Listeners;

/// Time between two pings, which keep the connection open through proxies and NATs.
const PING: Duration = Duration::from_secs(20);
/// A client that has not answered for so long is gone.
const SILENCE: Duration = Duration::from_secs(60);
/// A client may send so many messages …
const ALLOWANCE: u32 = 30;
/// … in so long. Players report every two seconds.
const ALLOWANCE_SPAN: Duration = Duration::from_secs(10);

/// Why a client is let go.
enum End {
    /// It went by itself, or does not take what it is sent.
    Gone,
    /// It may not be here.
    Refused(Refusal),
    /// The relay is about to end.
    Draining,
}

impl From<Lost> for End {
    fn from(_: Lost) -> Self {
        End::Gone
    }
}

impl From<Refusal> for End {
    fn from(refusal: Refusal) -> Self {
        End::Refused(refusal)
    }
}

/// `GET /api/lessons/{lesson}/events`, to be upgraded. Who asks is told by the first message, because pages cannot send headers.
pub(super) async fn events(
    State(app): State<App>,
    Path(lesson): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Refusal> {
    app.require_ready()?;
    let place = app.shared.listeners.enter()?;
    Ok(upgrade
        .max_message_size(MAX_REQUEST)
        .max_frame_size(MAX_REQUEST)
        .on_upgrade(|socket| async move {
            let _place = place;
            serve(&app, &lesson, socket).await;
        }))
}

async fn serve(app: &App, lesson: &str, socket: WebSocket) {
    let mut link = Link::new(socket, app.shared.patience);
    let span = info_span!("events", lesson);
    let end = follow(app, lesson, &mut link).instrument(span).await;
    match end {
        End::Gone => {}
        End::Refused(refusal) => {
            debug!(%refusal, "a client of the event stream is refused");
            link.refuse(&refusal).await;
        }
        End::Draining => link.close(close_code::AWAY, "the relay ends").await,
    }
}

async fn follow(app: &App, lesson: &str, link: &mut Link) -> End {
    let admitted = tokio::select! {
        admitted = admit(app, lesson, link) => admitted,
        () = app.shared.readiness.drained() => Err(End::Draining),
    };
    let (lesson, audience) = match admitted {
        Ok(admitted) => admitted,
        Err(end) => return end,
    };
    let _place = match app.shared.listeners.follow(&lesson) {
        Ok(place) => place,
        Err(refusal) => return refusal.into(),
    };
    let follower = Follower {
        app,
        lesson,
        audience,
        told: BTreeSet::new(),
        revision: 0,
        played: Playback::default(),
        allowance: Allowance::new(),
    };
    tokio::select! {
        end = follower.run(link) => end,
        () = app.shared.readiness.drained() => End::Draining,
    }
}

/// Waits for the greeting and checks it.
async fn admit(app: &App, lesson: &str, link: &mut Link) -> Result<(LessonId, Audience), End> {
    let greeting = timeout(app.shared.patience, link.request());
    let Request::Hello { token, seat } = greeting.await.map_err(|_| Refusal::TooSlow)?? else {
        let sentence = "the first message must be a hello";
        return Err(Refusal::Malformed(sentence.into()).into());
    };
    let caller = app.greeter(token.as_deref())?;
    let lesson = app.lesson(&caller, lesson)?;
    Ok((lesson, caller.audience(seat)))
}

/// An admitted client.
struct Follower<'a> {
    app: &'a App,
    lesson: LessonId,
    audience: Audience,
    /// The seats whose lines it knows.
    told: BTreeSet<SeatId>,
    revision: u64,
    /// What its player had counted at its last report.
    played: Playback,
    allowance: Allowance,
}

impl Follower<'_> {
    async fn run(mut self, link: &mut Link) -> End {
        let mut changes = self.app.shared.control.lines().changes();
        let mut ping = interval(PING);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.reset();
        changes.mark_unchanged();
        if let Err(lost) = self.snapshot(link).await {
            return lost.into();
        }
        loop {
            let step = tokio::select! {
                changed = changes.changed() => match changed {
                    Ok(()) => self.update(link).await.map_err(End::from),
                    Err(_) => Err(End::Draining),
                },
                request = link.request() => request
                    .and_then(|request| self.take(request).map_err(End::from)),
                _ = ping.tick() => match link.silence() {
                    silence if silence >= SILENCE => Err(End::Gone),
                    _ => link.ping().await.map_err(End::from),
                },
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    async fn snapshot(&mut self, link: &mut Link) -> Result<(), Lost> {
        let (lines, _) = self.news();
        let event = Event::Snapshot {
            lesson: self.lesson.clone(),
            seat: self.audience.seat.clone(),
            lines,
        };
        link.tell(event).await
    }

    async fn update(&mut self, link: &mut Link) -> Result<(), Lost> {
        let (lines, gone) = self.news();
        for line in lines {
            link.tell(Event::Line { line }).await?;
        }
        for seat in gone {
            link.tell(Event::Gone { seat }).await?;
        }
        Ok(())
    }

    /// The lines that have changed and the seats that have gone since the last time.
    fn news(&mut self) -> (Vec<Line>, Vec<SeatId>) {
        let Audience { seat, sees_all } = &self.audience;
        let only = (!sees_all).then_some(seat);
        let lines = self.app.shared.control.lines();
        let news = lines.since(&self.lesson, only, self.revision);
        self.revision = news.revision;
        let present: BTreeSet<_> = news.present.into_iter().collect();
        let before = std::mem::replace(&mut self.told, present);
        let gone = before.difference(&self.told).cloned().collect();
        let changed = news.changed.into_iter().map(|line| {
            if line.seat == *seat {
                line
            } else {
                line.told_to(Listener::Onlooker)
            }
        });
        (changed.collect(), gone)
    }

    fn take(&mut self, request: Request) -> Result<(), Refusal> {
        if self.allowance.spend(Instant::now()).is_break() {
            return Err(Refusal::TooMany(
                "too many messages: a player reports every two seconds",
            ));
        }
        match request {
            Request::Hello { .. } => Err(Refusal::Malformed("there was a hello already".into())),
            Request::Playback(now) => {
                let more = now.since(&self.played);
                self.played = now;
                let lines = self.app.shared.control.lines();
                lines.played(&self.lesson, &self.audience.seat, &more);
                Ok(())
            }
        }
    }
}

/// How many messages a client may still send.
struct Allowance {
    since: Instant,
    left: u32,
}

impl Allowance {
    fn new() -> Self {
        Self {
            since: Instant::now(),
            left: ALLOWANCE,
        }
    }

    fn spend(&mut self, now: Instant) -> ControlFlow<()> {
        if now.duration_since(self.since) >= ALLOWANCE_SPAN {
            (self.since, self.left) = (now, ALLOWANCE);
        }
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                ControlFlow::Continue(())
            }
            None => ControlFlow::Break(()),
        }
    }
}
