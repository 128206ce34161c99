//! What is told of a publication: a JSON object per second.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use participant::publish::{LayerStatistics, Statistics};
use serde::Serialize;

use super::Error;
use crate::adapt::Rate;

pub struct Report {
    path: PathBuf,
    file: std::fs::File,
}

/// How it goes.
pub struct State {
    pub elapsed: Duration,
    pub connected: bool,
    pub total: Statistics,
    /// What the line is believed to carry, bits per second.
    pub target: Option<u64>,
    pub layers: Vec<(&'static str, Rate, LayerStatistics)>,
}

#[derive(Serialize)]
struct Row {
    seconds: f64,
    connected: bool,
    connections: u64,
    /// Of all layers together, as all that follows.
    video_frames: u64,
    video_frames_dropped: u64,
    audio_packets: u64,
    packets: u64,
    bytes: u64,
    packets_nacked: u64,
    keyframe_requests: u64,
    remote_loss: f32,
    round_trip_ms: Option<f64>,
    target_bitrate: Option<u64>,
    layers: Vec<LayerRow>,
}

#[derive(Serialize)]
struct LayerRow {
    rid: &'static str,
    /// What it is told to take, bits per second; null while it rests.
    bitrate: Option<u32>,
    frames: u64,
    frames_dropped: u64,
    bytes: u64,
    packets_nacked: u64,
    keyframe_requests: u64,
    remote_loss: f32,
}

impl Report {
    pub fn create(path: PathBuf) -> Result<Self, Error> {
        match std::fs::File::create(&path) {
            Ok(file) => Ok(Self { path, file }),
            Err(error) => Err(Error::Report { path, error }),
        }
    }

    pub fn write(&mut self, state: &State) -> Result<(), Error> {
        let line = serde_json::to_string(&row(state)).map_err(std::io::Error::from);
        line.and_then(|line| writeln!(self.file, "{line}"))
            .map_err(|error| Error::Report {
                path: self.path.clone(),
                error,
            })
    }
}

fn row(state: &State) -> Row {
    let total = &state.total;
    let layers = state.layers.iter().map(|(rid, rate, layer)| LayerRow {
        rid,
        bitrate: match rate {
            Rate::Rest => None,
            Rate::Bits(bits) => Some(*bits),
        },
        frames: layer.frames,
        frames_dropped: layer.frames_dropped,
        bytes: layer.bytes,
        packets_nacked: layer.packets_nacked,
        keyframe_requests: layer.keyframe_requests,
        remote_loss: layer.remote_loss,
    });
    Row {
        seconds: state.elapsed.as_secs_f64(),
        connected: state.connected,
        connections: total.connections,
        video_frames: total.video_frames,
        video_frames_dropped: total.video_frames_dropped,
        audio_packets: total.audio_packets,
        packets: total.packets,
        bytes: total.bytes,
        packets_nacked: total.packets_nacked,
        keyframe_requests: total.keyframe_requests,
        remote_loss: total.remote_loss,
        round_trip_ms: total.round_trip.map(|time| time.as_secs_f64() * 1e3),
        target_bitrate: state.target,
        layers: layers.collect(),
    }
}
