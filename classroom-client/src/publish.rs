//! Publishing: from a source to the relay, for as long as the lesson takes.

use std::future::Future;
use std::io::Write;
use std::path::PathBuf;
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
        capture: Some(capture),
        connection: Connection::None,
    };
    let end = async {
        match options.length {
            Some(length) => tokio::time::sleep(length).await,
            None => std::future::pending().await,
        }
    };
    let outcome = tokio::select! {
        outcome = session.run(&options.request, epoch, events, &publisher, report.as_mut()) => outcome,
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
    /// `None` while a source that went away is waited for.
    capture: Option<Capture>,
    connection: Connection,
}

impl Session {
    async fn run(
        &mut self,
        request: &Request,
        epoch: Epoch,
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
                captured = next(&mut self.capture, request, epoch) => self.take_captured(captured),
                _ = tick.tick() => if let Some(report) = &mut report {
                    report.write(&publisher.statistics(), epoch.elapsed(), self.connection == Connection::Made)?;
                },
            }
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Connected => {
                tracing::info!("connected");
                self.connection = Connection::Made;
                if let Some(capture) = &mut self.capture {
                    capture.start();
                    capture.force_keyframe();
                }
            }
            Event::KeyframeRequested => {
                if let Some(capture) = &self.capture {
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
                self.capture = Some(*capture);
            }
        }
    }

    fn lose(&mut self, reason: &str) {
        tracing::warn!(reason, "the source is gone: opening it again");
        self.capture = None;
    }
}

enum Captured {
    Event(source::Event),
    Opened(Box<Capture>),
}

/// What the source says next, or a new source in place of one that went away.
async fn next(capture: &mut Option<Capture>, request: &Request, epoch: Epoch) -> Captured {
    match capture {
        Some(capture) => Captured::Event(capture.next().await),
        None => loop {
            tokio::time::sleep(PAUSE).await;
            match Capture::open(request, epoch).await {
                Ok(capture) => return Captured::Opened(Box::new(capture)),
                Err(error) => tracing::warn!(%error, "the source does not open"),
            }
        },
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
