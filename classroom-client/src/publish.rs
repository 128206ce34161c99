//! Publishing: from a source to the relay, for as long as the lesson takes.

use std::future::Future;
use std::io::Write;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use participant::publish::{Config, Event, FrameWriter, Publisher, Statistics};
use participant::{Door, Kind, Mailbox};
use serde::Serialize;

use crate::source::{self, Capture, Epoch, OpenError, Request};

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
    let config = Config {
        video: Some(formats.video),
        audio: formats.audio,
        expected_bitrate: options
            .request
            .bitrate
            .map_or(Config::default().expected_bitrate, u64::from),
        ..Config::default()
    };
    let (publisher, events) = Publisher::start(options.door.clone(), config);
    let mut session = Session {
        video: publisher.video(),
        audio: publisher.audio(),
        request: options.request.clone(),
        epoch,
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
    // The source goes first: what it still delivers has nowhere to go.
    let connected = session.connection == Connection::Made;
    drop(session);
    let statistics = publisher.statistics();
    publisher.close().await;
    if let Some(report) = &mut report {
        report.write(&statistics, epoch.elapsed(), connected)?;
    }
    outcome
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Connection {
    None,
    Made,
}

struct Session {
    video: Option<FrameWriter>,
    audio: Option<FrameWriter>,
    request: Request,
    epoch: Epoch,
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
                _ = tick.tick() => if let Some(report) = &mut report {
                    report.write(&publisher.statistics(), self.epoch.elapsed(), self.connection == Connection::Made)?;
                },
            }
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Connected => {
                tracing::info!("connected");
                self.connection = Connection::Made;
                if let Supply::Open(capture) = &mut self.supply {
                    capture.start();
                    capture.force_keyframe();
                }
            }
            Event::KeyframeRequested { .. } => {
                if let Supply::Open(capture) = &self.supply {
                    capture.force_keyframe();
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
            Captured::Event(source::Event::Frame(kind, frame)) => {
                let writer = match kind {
                    Kind::Video => &self.video,
                    Kind::Audio => &self.audio,
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
                self.supply = Supply::Open(capture);
            }
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

struct Report {
    path: PathBuf,
    file: std::fs::File,
}

#[derive(Serialize)]
struct Row {
    seconds: f64,
    connected: bool,
    connections: u64,
    video_frames: u64,
    video_frames_dropped: u64,
    audio_packets: u64,
    packets: u64,
    bytes: u64,
    packets_nacked: u64,
    keyframe_requests: u64,
    remote_loss: f32,
    round_trip_ms: Option<f64>,
}

impl Report {
    fn create(path: PathBuf) -> Result<Self, Error> {
        match std::fs::File::create(&path) {
            Ok(file) => Ok(Self { path, file }),
            Err(error) => Err(Error::Report { path, error }),
        }
    }

    fn write(
        &mut self,
        statistics: &Statistics,
        elapsed: Duration,
        connected: bool,
    ) -> Result<(), Error> {
        let row = Row {
            seconds: elapsed.as_secs_f64(),
            connected,
            connections: statistics.connections,
            video_frames: statistics.video_frames,
            video_frames_dropped: statistics.video_frames_dropped,
            audio_packets: statistics.audio_packets,
            packets: statistics.packets,
            bytes: statistics.bytes,
            packets_nacked: statistics.packets_nacked,
            keyframe_requests: statistics.keyframe_requests,
            remote_loss: statistics.remote_loss,
            round_trip_ms: statistics.round_trip.map(|time| time.as_secs_f64() * 1e3),
        };
        let line = serde_json::to_string(&row).map_err(std::io::Error::from);
        line.and_then(|line| writeln!(self.file, "{line}"))
            .map_err(|error| Error::Report {
                path: self.path.clone(),
                error,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::Size;
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
