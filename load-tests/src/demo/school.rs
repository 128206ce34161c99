//! The central school: one publishing process for each source.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::Deserialize;

use super::ledger::{Beginning, Ledger, Sent};
use super::process::{Process, ProcessError};
use super::relay::Relay;

/// The sources, in the order of the lesson's slots.
pub const SOURCES: [&str; 2] = ["camera", "courseware"];

/// What is being published.
pub struct School {
    publishers: Vec<Publisher>,
}

struct Publisher {
    source: &'static str,
    process: Process,
    ledger: Arc<Mutex<Ledger>>,
}

/// A line of `lectern-classroom publish --json-stats`.
#[derive(Debug, Deserialize)]
struct Row {
    seconds: f64,
    video_frames: u64,
    audio_packets: u64,
    packets: u64,
}

impl School {
    /// Begins to publish `clips`, one for each of [`SOURCES`], with the classroom client `program`.
    pub fn start(program: &Path, relay: &Relay, clips: [&Path; 2]) -> Result<Self, ProcessError> {
        let publishers = SOURCES.into_iter().zip(clips);
        let publishers = publishers
            .map(|(source, clip)| Publisher::start(program, relay, source, clip))
            .collect::<Result<_, _>>()?;
        Ok(Self { publishers })
    }

    /// Whether something was sent of every source.
    pub fn is_live(&self) -> bool {
        self.publishers
            .iter()
            .all(|publisher| publisher.ledger().total().pictures > 0)
    }

    /// What was sent of `source` since `moment`.
    pub fn sent_since(&self, source: &str, moment: Instant) -> Sent {
        let publisher = self
            .publishers
            .iter()
            .find(|publisher| publisher.source == source);
        publisher.map_or_else(Sent::default, |publisher| publisher.sent_since(moment))
    }

    /// Whether `source` comes with sound.
    pub fn has_sound(&self, source: &str) -> bool {
        let publisher = self
            .publishers
            .iter()
            .find(|publisher| publisher.source == source);
        publisher.is_some_and(|publisher| publisher.ledger().total().sounds > 0)
    }

    /// RTP packets that were sent of all sources since `moment`.
    pub fn packets_since(&self, moment: Instant) -> u64 {
        self.publishers
            .iter()
            .map(|publisher| publisher.sent_since(moment).packets)
            .sum()
    }

    /// Why a publisher ended, if one did.
    pub fn ended(&mut self) -> Option<String> {
        self.publishers
            .iter_mut()
            .find_map(|publisher| publisher.process.ended())
    }

    /// Ends the lesson. The counters are final after it.
    pub fn stop(&mut self) {
        for publisher in &mut self.publishers {
            publisher.process.stop();
        }
    }
}

impl Publisher {
    fn start(
        program: &Path,
        relay: &Relay,
        source: &'static str,
        clip: &Path,
    ) -> Result<Self, ProcessError> {
        let whip = relay.address(&format!("whip/demo/{source}"));
        let video = format!("file:{}", clip.display());
        let arguments = [
            "publish",
            "--whip",
            whip.as_str(),
            "--video",
            &video,
            "--json-stats",
            "/dev/stdout",
        ];
        let ledger = Arc::new(Mutex::new(Ledger::default()));
        let mut beginning = Beginning::default();
        let name = format!("the school's {source}");
        let process = Process::start(&name, program, arguments, {
            let ledger = ledger.clone();
            move |line| {
                if let Ok(row) = serde_json::from_str::<Row>(line) {
                    let moment = beginning.moment(Instant::now(), row.seconds);
                    lock(&ledger).enter(
                        moment,
                        Sent {
                            pictures: row.video_frames,
                            sounds: row.audio_packets,
                            packets: row.packets,
                        },
                    );
                }
            }
        })?;
        Ok(Self {
            source,
            process,
            ledger,
        })
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    fn sent_since(&self, moment: Instant) -> Sent {
        let ledger = self.ledger();
        ledger.total().since(ledger.at(moment))
    }
}

fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}
