//! The synthetic central school: 4K frames, in layers or not, and Opus-like audio.

mod burst;
mod feedback;
pub mod h264;
mod history;
pub mod mark;
pub mod packer;
pub mod pattern;
mod programme;
mod run;
mod schedule;
mod session;
mod source;

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::Serialize;

use crate::client::{Answer, Link};
use crate::port::Port;
pub use programme::{Layer, Programme};
pub use session::{Outlet, Session};
pub use source::{ClipError, Source};

/// How packets leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pacing {
    /// A whole frame at once, full packets and a short last one: GStreamer.
    Burst,
    /// Packets within a byte of each other, every five milliseconds: browsers.
    Paced,
}

/// A publisher that has been admitted by the server.
pub struct Entry {
    /// Its association.
    pub link: Link,
    /// What was negotiated.
    pub answer: Answer,
    /// The SSRCs of its layers. That of a single one was offered.
    pub layer_ssrcs: Vec<u32>,
    /// The SSRC of its audio, as offered if there is audio.
    pub sound_ssrc: u32,
}

/// A publisher that is about to be driven by a thread.
pub struct Stand {
    /// Its socket, which the candidate in its offer names.
    pub port: Port,
    /// Everything else.
    pub entry: Entry,
}

/// What the publisher tells its owner.
#[derive(Debug)]
pub enum Notice {
    /// The handshake finished; the lesson begins.
    Connected,
    /// It is over, for this reason.
    Failed(String),
}

/// What the publisher did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PublisherReport {
    /// The negotiated SRTP profile.
    pub srtp_profile: Option<&'static str>,
    /// Packets sent for the first time.
    pub packets: u64,
    /// Frames sent.
    pub frames: u64,
    /// Keyframes among them.
    pub keyframes: u64,
    /// Packets sent again because the server asked.
    pub repairs: u64,
    /// Packets the socket would not take.
    pub send_errors: u64,
    /// When the server asked for keyframes, in milliseconds from the start.
    pub keyframe_requests_ms: Vec<f64>,
    /// The shortest time between two of those for the same layer.
    pub keyframe_request_spacing_ms: Option<f64>,
    /// Its layers, the best first.
    pub layers: Vec<LayerReport>,
}

/// What was asked of one layer.
#[derive(Debug, Clone, Serialize)]
pub struct LayerReport {
    /// Its identifier.
    pub rid: &'static str,
    /// Keyframes asked for.
    pub keyframe_requests: usize,
    /// The shortest time between two requests.
    pub keyframe_request_spacing_ms: Option<f64>,
}

/// The running publisher. Dropping it stops it.
pub struct Publisher {
    commands: Sender<Command>,
    thread: Option<JoinHandle<()>>,
}

enum Command {
    Report(Sender<PublisherReport>),
    /// Stop sending media, but keep answering.
    Pause,
}

impl Publisher {
    /// Starts the thread; notices go to `notices`.
    pub fn start(
        stand: Stand,
        programme: Programme,
        notices: Sender<Notice>,
    ) -> std::io::Result<Self> {
        let (commands, inbox): (_, Receiver<Command>) = channel();
        let publishing = run::Publishing::new(stand, programme)?;
        let thread = std::thread::Builder::new()
            .name("publisher".to_owned())
            .spawn(move || publishing.run(&inbox, &notices))?;
        Ok(Self {
            commands,
            thread: Some(thread),
        })
    }

    /// What it has done so far. Nothing, when its thread has failed.
    pub fn report(&self) -> PublisherReport {
        let (reply, answer) = channel();
        let _ = self.commands.send(Command::Report(reply));
        answer
            .recv_timeout(Duration::from_secs(1))
            .unwrap_or_default()
    }

    /// Stops sending media while repairs are still answered.
    pub fn pause(&self) {
        let _ = self.commands.send(Command::Pause);
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        let (closed, _) = channel();
        self.commands = closed;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
