//! Publishing: from a source to the relay, for as long as the lesson takes.

mod rates;
mod report;

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use participant::publish::{Config, Event, FrameWriter, Publisher, Rid};
use participant::{Door, Mailbox};
use tokio::sync::watch;

use crate::adapt::Rate;
use crate::source::{self, Capture, Encoding, Epoch, OpenError, Request, Track};
use rates::{Change, Rates};
use report::{Report, State};

/// How long a source that went away is left alone before it is opened again.
const PAUSE: Duration = Duration::from_secs(2);

/// What to publish, and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// The WHIP address.
    pub door: Door,
    /// What to capture.
    pub request: Request,
    /// Where a JSON object per second is written, and one more at the end.
    pub report: Option<PathBuf>,
    /// When to stop; never, if not stated.
    pub length: Option<Duration>,
}

/// Why publishing ended other than as asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The source cannot be used.
    #[error(transparent)]
    Source(#[from] OpenError),
    /// The report cannot be written.
    #[error("cannot write {path}: {error}", path = path.display())]
    Report {
        /// Where to.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
}

/// Publishes until `shutdown`, or as long as asked, and leaves. A source that goes away later is opened again and again.
///
/// # Errors
/// The source cannot be opened at the start, or the report cannot be written.
pub async fn run(options: Options, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
    let mut report = match &options.report {
        Some(path) => Some(Report::create(path.clone())?),
        None => None,
    };
    tokio::pin!(shutdown);
    let epoch = Epoch::now();
    let capture = tokio::select! {
        capture = Capture::open(&options.request, epoch) => capture?,
        () = &mut shutdown => return Ok(()),
    };
    let formats = capture.formats();
    tracing::info!(?formats, "source opened");
    let encodings = capture.encodings();
    let layers = rids(&encodings);
    let rates = Rates::new(encodings);
    let config = Config {
        video: Some(formats.video),
        layers,
        audio: formats.audio,
        expected_bitrate: rates.wanted(),
        ..Config::default()
    };
    let (publisher, events) = Publisher::start(options.door.clone(), config);
    let mut session = Session {
        video: publisher.layers(),
        audio: publisher.audio(),
        target: publisher.target(),
        request: options.request.clone(),
        epoch,
        rates,
        supply: Supply::Open(Box::new(capture)),
        connection: Connection::None,
    };
    let end = async {
        match options.length {
            Some(length) => tokio::time::sleep(length).await,
            None => std::future::pending().await,
        }
    };
    let outcome = tokio::select! {
        outcome = session.run(events, &publisher, report.as_mut()) => outcome,
        () = &mut shutdown => Ok(()),
        () = end => Ok(()),
    };
    let last = session.state(&publisher);
    // The source goes first: what it still delivers has nowhere to go.
    drop(session);
    let state = State {
        total: publisher.statistics(),
        ..last
    };
    publisher.close().await;
    if let Some(report) = &mut report {
        report.write(&state)?;
    }
    outcome
}

/// The names of the layers, if there are several.
fn rids(encodings: &[Encoding]) -> Vec<Rid> {
    let names = encodings.iter().filter(|_| encodings.len() > 1);
    names
        .filter_map(|encoding| Rid::new(encoding.rid).ok())
        .collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Connection {
    None,
    Made,
}

struct Session {
    /// One per layer, the best first.
    video: Vec<FrameWriter>,
    audio: Option<FrameWriter>,
    /// What the line carries, bits per second.
    target: watch::Receiver<Option<u64>>,
    request: Request,
    epoch: Epoch,
    rates: Rates,
    supply: Supply,
    connection: Connection,
}

impl Session {
    async fn run(
        &mut self,
        mut events: Mailbox<Event>,
        publisher: &Publisher,
        mut report: Option<&mut Report>,
    ) -> Result<(), Error> {
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(event) => self.take(event),
                    None => return Ok(()),
                },
                captured = self.supply.next() => self.take_captured(captured),
                Ok(()) = self.target.changed() => self.follow_target(),
                _ = tick.tick() => {
                    self.follow_target();
                    if let Some(report) = &mut report {
                        report.write(&self.state(publisher))?;
                    }
                }
            }
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::LayersTaken(taken) => {
                let changes = self.rates.take(taken);
                for Change { rid, new, .. } in &changes {
                    tracing::info!(rid, ?new, "the other side takes other layers");
                }
                self.apply(&changes);
            }
            Event::Connected => {
                tracing::info!("connected");
                self.connection = Connection::Made;
                if let Supply::Open(capture) = &mut self.supply {
                    capture.start();
                }
            }
            Event::KeyframeRequested { layer } => {
                if let Supply::Open(capture) = &self.supply {
                    capture.force_keyframe(layer);
                }
            }
            Event::Disconnected { reason } => {
                self.connection = Connection::None;
                tracing::warn!(reason, "the connection is gone");
            }
            Event::Refused(refusal) => tracing::error!(%refusal, "refused"),
            Event::Retrying { after } => tracing::info!(?after, "trying again"),
            _ => {}
        }
    }

    fn take_captured(&mut self, captured: Captured) {
        match captured {
            Captured::Event(source::Event::Frame(track, frame)) => {
                let writer = match track {
                    // Pictures that were on their way when the layer was told to rest.
                    Track::Layer(layer) if self.rates.of(layer) == Some(Rate::Rest) => None,
                    Track::Layer(layer) => self.video.get(layer),
                    Track::Sound => self.audio.as_ref(),
                };
                if let Some(writer) = writer {
                    // The publisher counts what it drops, and asks for a keyframe by itself.
                    let _ = writer.write(frame);
                }
            }
            Captured::Event(source::Event::Ended) => self.lose("it ended"),
            Captured::Event(source::Event::Failed(reason)) => self.lose(&reason),
            Captured::Opened(mut capture) => {
                tracing::info!("the source is back");
                if self.connection == Connection::Made {
                    capture.start();
                }
                for (layer, (_, rate)) in self.rates.layers().enumerate() {
                    capture.set_rate(layer, rate);
                }
                self.supply = Supply::Open(capture);
            }
        }
    }

    /// Gives each layer what the line has for it.
    fn follow_target(&mut self) {
        let Some(target) = *self.target.borrow_and_update() else {
            return;
        };
        let changes = self.rates.follow(self.epoch.elapsed(), target);
        let line_kbit = target / 1_000;
        for Change { rid, old, new, .. } in &changes {
            match (old, new) {
                (_, Rate::Rest) => {
                    tracing::warn!(rid, line_kbit, "the line is too narrow: the layer rests");
                }
                (Rate::Rest, Rate::Bits(_)) => tracing::info!(rid, line_kbit, "the layer is back"),
                (Rate::Bits(_), Rate::Bits(bits)) => {
                    tracing::debug!(rid, line_kbit, kbit = bits / 1_000, "another bit rate");
                }
            }
        }
        self.apply(&changes);
    }

    fn apply(&self, changes: &[Change]) {
        for Change { layer, new, .. } in changes {
            if let (Rate::Rest, Some(writer)) = (new, self.video.get(*layer)) {
                writer.rest();
            }
            if let Supply::Open(capture) = &self.supply {
                capture.set_rate(*layer, *new);
            }
        }
    }

    fn state(&self, publisher: &Publisher) -> State {
        let layers = self.rates.layers().zip(publisher.layer_statistics());
        State {
            elapsed: self.epoch.elapsed(),
            connected: self.connection == Connection::Made,
            total: publisher.statistics(),
            target: *self.target.borrow(),
            layers: layers
                .map(|((rid, rate), statistics)| (rid, rate, statistics))
                .collect(),
        }
    }

    fn lose(&mut self, reason: &str) {
        tracing::warn!(reason, "the source is gone: opening it again");
        self.supply = Supply::Reopening(Box::pin(reopen(self.request.clone(), self.epoch)));
    }
}

enum Captured {
    Event(source::Event),
    Opened(Box<Capture>),
}

/// Where frames come from at the moment.
enum Supply {
    Open(Box<Capture>),
    /// The source went away. The attempt is kept here, because [`Supply::next`] is abandoned whenever something else happens.
    Reopening(Pin<Box<dyn Future<Output = Box<Capture>> + Send>>),
}

impl Supply {
    /// What the source says next, or a new source in place of one that went away. Cancel-safe.
    async fn next(&mut self) -> Captured {
        match self {
            Supply::Open(capture) => Captured::Event(capture.next().await),
            Supply::Reopening(attempt) => Captured::Opened(attempt.await),
        }
    }
}

async fn reopen(request: Request, epoch: Epoch) -> Box<Capture> {
    loop {
        tokio::time::sleep(PAUSE).await;
        match Capture::open(&request, epoch).await {
            Ok(capture) => return Box::new(capture),
            Err(error) => tracing::warn!(%error, "the source does not open"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::Size;
    use crate::layers::Layers;
    use crate::source::pattern::Pattern;
    use crate::source::{Audio, Video};

    #[tokio::test]
    async fn a_source_comes_back_whatever_else_happens_meanwhile() {
        gstreamer::init().unwrap();
        let size = Size {
            width: 320,
            height: 180,
            fps: 30,
        };
        let request = Request {
            video: Video::Pattern(Pattern(size)),
            audio: Audio::None,
            bitrate: None,
            layers: Layers::Off,
        };
        let mut supply = Supply::Reopening(Box::pin(reopen(request, Epoch::now())));
        let captured = loop {
            tokio::select! {
                captured = supply.next() => break captured,
                // Something else happens all the time, and abandons the wait for the source.
                () = tokio::time::sleep(PAUSE / 100) => {}
            }
        };
        assert!(matches!(captured, Captured::Opened(_)));
    }
}
