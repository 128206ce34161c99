//! Watching: from the relay's slots to screens and loudspeakers.

mod line;

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use participant::events::Events;
use participant::watch::{Config, Event, Watcher};
use participant::{Codec, Door};
use tokio::sync::mpsc;

use crate::play::screen::Screen;
use crate::play::{self, Loudspeaker, Outputs, Overlay};
use crate::playout::Playout;
use crate::source::Epoch;
use crate::stats::{self, Report};
use crate::{decode, elements};
use line::Line;

/// Reports of players that wait to be read; one per slot and a few to spare.
const REPORTS: usize = 64;

/// How long the players may take to play what has arrived: the longest lead, and decoding.
const DRAIN: Duration = Duration::from_secs(1);

/// What to watch, and where it goes.
#[derive(Debug, Clone)]
pub struct Options {
    /// The WHEP address.
    pub door: Door,
    /// Video slots asked for, and as many audio slots.
    pub slots: usize,
    /// Where slots that [`Options::screens`] does not name are shown.
    pub screen: Screen,
    /// Where named slots are shown.
    pub screens: BTreeMap<String, Screen>,
    /// Where sound goes.
    pub loudspeaker: Loudspeaker,
    /// Whether statistics are laid over each picture.
    pub overlay: Overlay,
    /// When to stop; never, if not stated.
    pub length: Option<Duration>,
    /// Where the last report is written.
    pub report: Option<PathBuf>,
}

/// Why watching ended other than as asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An element is not installed.
    #[error(transparent)]
    Missing(#[from] elements::Missing),
    /// Nothing can be shown or played here; a sentence.
    #[error("{0}")]
    Unplayable(String),
    /// The last report was not written.
    #[error("cannot write {path}: {error}", path = path.display())]
    Report {
        /// Where to.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
}

impl From<crate::pipeline::Error> for Error {
    fn from(error: crate::pipeline::Error) -> Self {
        match error {
            crate::pipeline::Error::Missing(missing) => Error::Missing(missing),
            crate::pipeline::Error::Broken(reason) => Error::Unplayable(reason),
        }
    }
}

/// Watches until `shutdown`, or as long as asked, and leaves. Every second `tell` is given a report.
///
/// # Errors
/// A decoder is missing, nothing can be shown here, or the report cannot be written.
pub async fn run(
    options: Options,
    mut tell: impl FnMut(&Report),
    shutdown: impl Future<Output = ()>,
) -> Result<Report, Error> {
    let codecs = decode::codecs();
    if !codecs.contains(&Codec::H264) {
        // Every lesson is H.264: say what to install before connecting.
        decode::fragment(Codec::H264)?;
    }
    decode::fragment(Codec::Opus)?;
    options.screen.fragment(Overlay::None)?;

    let config = Config {
        video: options.slots,
        audio: options.slots,
        codecs,
        ..Config::default()
    };
    let epoch = Epoch::now();
    let lesson = Events::follow(&options.door);
    let (watcher, mut events) = Watcher::start(options.door.clone(), config);
    let (reports, mut players) = mpsc::channel(REPORTS);
    let mut session = Session {
        options: &options,
        watcher,
        lesson,
        told_of_line: String::new(),
        epoch,
        start: Instant::now(),
        reports,
        lines: BTreeMap::new(),
        playouts: HashMap::new(),
        connected: false,
        connections: 0,
        told: Instant::now(),
    };

    let mut tick = tokio::time::interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    tick.tick().await;
    let end = async {
        match options.length {
            Some(length) => tokio::time::sleep(length).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(shutdown, end);
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(event) => session.take(event),
                None => break,
            },
            Some(event) = players.recv() => session.take_played(event),
            _ = tick.tick() => tell(&session.tick()),
            () = &mut shutdown => break,
            () = &mut end => break,
        }
    }
    session.drain(&mut players).await;
    let report = session.report();
    session.watcher.close().await;
    if let Some(path) = &options.report {
        write(path, &report).map_err(|error| Error::Report {
            path: path.clone(),
            error,
        })?;
    }
    Ok(report)
}

fn write(path: &std::path::Path, report: &Report) -> std::io::Result<()> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    std::fs::write(path, text)
}

struct Session<'a> {
    options: &'a Options,
    watcher: Watcher,
    /// What the relay tells besides media, if it is one that does.
    lesson: Option<Events>,
    /// The sentence about the line that was logged last.
    told_of_line: String,
    epoch: Epoch,
    start: Instant,
    reports: mpsc::Sender<play::Event>,
    lines: BTreeMap<usize, Line>,
    /// Per publication: slots of one name play in step.
    playouts: HashMap<String, Playout>,
    connected: bool,
    connections: u64,
    told: Instant,
}

impl Session<'_> {
    fn take(&mut self, event: Event) {
        match event {
            Event::Connected => {
                self.connected = true;
                self.connections += 1;
                tracing::info!("connected");
            }
            Event::Slot(slot) => {
                let outputs = self.outputs(&slot.name);
                let line = self
                    .lines
                    .entry(slot.line)
                    .or_insert_with(|| Line::new(slot.clone(), outputs));
                line.slot = slot;
            }
            Event::Frame(frame) => {
                let outputs = self.outputs(&frame.slot.name);
                let line = self
                    .lines
                    .entry(frame.slot.line)
                    .or_insert_with(|| Line::new(frame.slot.clone(), outputs));
                let playout = self.playouts.entry(frame.slot.name.clone()).or_default();
                if line.play(frame, playout, self.epoch, &self.reports) == line::Wish::Keyframe {
                    self.watcher.request_keyframe(line.slot.line);
                }
            }
            Event::Disconnected { reason } => {
                self.connected = false;
                tracing::warn!(reason, "the connection is gone");
            }
            Event::Refused(refusal) => tracing::error!(%refusal, "refused"),
            Event::Retrying { after } => tracing::info!(?after, "trying again"),
            _ => {}
        }
    }

    fn take_played(&mut self, event: play::Event) {
        match event {
            play::Event::Finished { .. } => {}
            play::Event::KeyframeWanted { line } => self.watcher.request_keyframe(line),
            play::Event::Failed { line, reason } => {
                tracing::warn!(
                    line,
                    reason,
                    "playing failed: starting the slot's player again"
                );
                if let Some(line) = self.lines.get_mut(&line) {
                    line.restart();
                }
                self.watcher.request_keyframe(line);
            }
        }
    }

    /// Lets what has arrived be decoded and played, so that the last report counts it.
    async fn drain(&self, players: &mut mpsc::Receiver<play::Event>) {
        let mut playing = self.lines.values().filter(|line| line.finish()).count();
        let finished = async {
            while playing > 0 {
                match players.recv().await {
                    Some(play::Event::Finished { .. } | play::Event::Failed { .. }) => playing -= 1,
                    Some(play::Event::KeyframeWanted { .. }) => {}
                    None => return,
                }
            }
        };
        if tokio::time::timeout(DRAIN, finished).await.is_err() {
            tracing::debug!("a player did not finish");
        }
    }

    fn outputs(&self, slot: &str) -> Outputs {
        let screen = self
            .options
            .screens
            .get(slot)
            .unwrap_or(&self.options.screen);
        Outputs {
            screen: screen.clone(),
            loudspeaker: self.options.loudspeaker,
            overlay: self.options.overlay,
        }
    }

    fn report(&mut self) -> Report {
        let statistics = self.watcher.statistics();
        let now = Instant::now();
        let interval = now - self.told;
        self.told = now;
        let slots = self.lines.values_mut().map(|line| {
            let counted = statistics.iter().find(|counted| {
                counted
                    .slot
                    .as_ref()
                    .is_some_and(|slot| slot.line == line.slot.line)
            });
            line.report(counted, self.start, interval)
        });
        Report {
            slots: slots.collect(),
            seconds: (now - self.start).as_secs_f64(),
            connected: self.connected,
            connections: self.connections,
            line: self.lesson.as_ref().and_then(Events::line),
        }
    }

    fn tick(&mut self) -> Report {
        let report = self.report();
        if let Some(lesson) = &self.lesson {
            lesson.report(report.playback());
        }
        let sentence = report.line.as_ref().map(|line| &line.sentence);
        if let Some(sentence) = sentence
            && sentence.zh != self.told_of_line
        {
            tracing::info!(line = sentence.zh, "{}", sentence.en);
            self.told_of_line.clone_from(&sentence.zh);
        }
        if self.options.overlay == Overlay::Text {
            for (line, slot) in self.lines.values().zip(&report.slots) {
                let mut text = stats::overlay(slot);
                if let Some(sentence) = sentence {
                    text = format!("{}\n{text}", sentence.zh);
                }
                line.show_text(&text);
            }
        }
        report
    }
}
