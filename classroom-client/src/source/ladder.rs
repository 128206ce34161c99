//! From one sequence of raw pictures to an encoding for each layer, and what can be done to a layer while it plays.
//!
//! ```text
//! pictures ─ tee ┬─ branch0: queue ─ (thin) ─ (scale) ─ encoder0 ─ video
//!                ├─ branch1: queue ─ (thin) ─ (scale) ─ encoder1 ─ video1
//! ```
//!
//! No branch touches the pictures' times: a picture has the same one in every layer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use gst::prelude::*;
use gstreamer as gst;

use crate::adapt::Needs;
use crate::elements::Missing;
use crate::encode::{self, Encoder, RAW_QUEUE, Size, cores};
use crate::layers::{self, Layer, Layers};
use crate::pipeline::Pipeline;

/// The encodings of a source, the best first.
#[derive(Debug)]
pub struct Ladder {
    rungs: Vec<Rung>,
}

#[derive(Debug)]
struct Rung {
    layer: Layer,
    encoder: Encoder,
    /// Pictures are let through. Read for each picture, before any work goes into it.
    open: Arc<AtomicBool>,
    element: Option<gst::Element>,
}

impl Ladder {
    /// Chooses layers and their encoders for pictures of this size, as many as the machine can do.
    ///
    /// # Errors
    /// There is no encoder.
    pub fn plan(size: Size, bitrate: Option<u32>, layers: &Layers) -> Result<Self, Missing> {
        let wanted = layers::wanted(size, bitrate, layers);
        let mut encoders: Vec<(Size, Encoder)> = Vec::with_capacity(wanted.len());
        for layer in &wanted {
            encoders.push((layer.size, Encoder::choose(layer.size)?));
        }
        let affordable = layers::affordable(&encoders, cores());
        let mut rungs = Vec::new();
        for (at, (layer, (_, encoder))) in wanted.into_iter().zip(encoders).enumerate() {
            let Size { width, height, fps } = layer.size;
            let (rid, kbit, encoder_name) = (layer.rid, layer.bitrate / 1_000, encoder.element());
            if affordable.contains(&at) {
                tracing::info!(
                    rid,
                    width,
                    height,
                    fps,
                    kbit,
                    encoder = encoder_name,
                    "layer"
                );
                rungs.push(Rung {
                    layer,
                    encoder,
                    open: Arc::new(AtomicBool::new(true)),
                    element: None,
                });
            } else {
                tracing::warn!(
                    rid,
                    width,
                    height,
                    fps,
                    cores = cores(),
                    "layer left out: too much for this machine"
                );
            }
        }
        Ok(Self { rungs })
    }

    /// What follows the raw pictures, as the end of a description.
    pub fn description(&self) -> String {
        match self.rungs.as_slice() {
            [only] => only.description(0, only.layer.size),
            rungs => {
                let source = rungs.first().map(|best| best.layer.size);
                let branches = rungs.iter().enumerate().map(|(at, rung)| {
                    let size = source.unwrap_or(rung.layer.size);
                    format!(" layers. ! {}", rung.description(at, size))
                });
                format!("tee name=layers{}", branches.collect::<String>())
            }
        }
    }

    /// Finds the elements of the description in the pipeline that was made of it.
    pub fn attach(&mut self, pipeline: &Pipeline) {
        let source = self.rungs.first().map(|best| best.layer.size);
        for (at, rung) in self.rungs.iter_mut().enumerate() {
            rung.element = pipeline.find(&encoder_name(at));
            let thin = source
                .filter(|source| source.fps > rung.layer.size.fps)
                .map(|source| Thin::new(source.fps, rung.layer.size.fps));
            let branch = pipeline.find(&branch_name(at));
            if let Some(pad) = branch.and_then(|branch| branch.static_pad("sink")) {
                gate(&pad, rung.open.clone(), thin);
            }
        }
    }

    /// What is encoded.
    pub fn layers(&self) -> impl Iterator<Item = &Layer> {
        self.rungs.iter().map(|rung| &rung.layer)
    }

    /// What each layer takes.
    pub fn needs(&self) -> Vec<Needs> {
        let needs = self.rungs.iter().map(|rung| {
            let nominal = rung.layer.bitrate;
            let element = rung.element.as_ref();
            let adjustable = element.is_some_and(|element| rung.encoder.is_adjustable(element));
            let least = if adjustable { nominal / 2 } else { nominal };
            Needs { nominal, least }
        });
        needs.collect()
    }

    /// Lets pictures into a layer's encoder, or keeps them out. Whether that is a change.
    pub fn open(&self, layer: usize, open: bool) -> bool {
        let rung = self.rungs.get(layer);
        rung.is_some_and(|rung| rung.open.swap(open, Ordering::Relaxed) != open)
    }

    /// Changes the bit rate of a layer, where its encoder can do that, bits per second.
    pub fn set_bitrate(&self, layer: usize, bitrate: u32) {
        let Some(rung) = self.rungs.get(layer) else {
            return;
        };
        if let Some(element) = &rung.element
            && rung.encoder.is_adjustable(element)
        {
            rung.encoder.set_bitrate(element, bitrate);
        }
    }
}

impl Rung {
    fn description(&self, at: usize, source: Size) -> String {
        let size = self.layer.size;
        let thin = match size.fps < source.fps {
            true => format!("capssetter caps=video/x-raw,framerate={}/1 ! ", size.fps),
            false => String::new(),
        };
        let scale = match (size.width, size.height) == (source.width, source.height) {
            true => String::new(),
            false => format!(
                "videoscale add-borders=false ! video/x-raw,width={},height={},pixel-aspect-ratio=1/1 ! ",
                size.width, size.height
            ),
        };
        format!(
            "{RAW_QUEUE} name={} ! {thin}{scale}{} ! {} sync=false async=false",
            branch_name(at),
            self.encoder
                .fragment(size, self.layer.bitrate, &encoder_name(at)),
            encode::layer_tail(at),
        )
    }
}

fn branch_name(at: usize) -> String {
    format!("branch{at}")
}

fn encoder_name(at: usize) -> String {
    format!("encoder{at}")
}

/// Drops pictures while the layer rests, and those between the ones of a slow layer.
fn gate(pad: &gst::Pad, open: Arc<AtomicBool>, thin: Option<Thin>) {
    let thin = Mutex::new(thin);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, probe| {
        let mut thin = thin.lock().unwrap_or_else(PoisonError::into_inner);
        let time = probe.buffer().and_then(|buffer| buffer.pts());
        let due = match (thin.as_mut(), time) {
            (Some(thin), Some(time)) => thin.takes(time.nseconds()),
            _ => true,
        };
        if due && open.load(Ordering::Relaxed) {
            gst::PadProbeReturn::Ok
        } else {
            // Not `Drop`: the binding has let go of the picture by then, and GStreamer complains that there is none.
            gst::PadProbeReturn::Handled
        }
    });
}

/// Takes some of the pictures, by their times in nanoseconds.
#[derive(Debug)]
struct Thin {
    interval: u64,
    /// Half a picture of the source: times are not exact.
    tolerance: u64,
    next: Option<u64>,
}

impl Thin {
    fn new(source_fps: u32, fps: u32) -> Self {
        const SECOND: u64 = 1_000_000_000;
        Self {
            interval: SECOND / u64::from(fps.max(1)),
            tolerance: SECOND / u64::from(source_fps.max(1)) / 2,
            next: None,
        }
    }

    fn takes(&mut self, time: u64) -> bool {
        let next = self.next.unwrap_or(time);
        if time + self.tolerance < next && next - time <= self.interval {
            return false;
        }
        // After a hole, or a clock that was set back, counting begins anew.
        let late = time > next + self.interval || time + self.tolerance < next;
        self.next = Some(if late { time } else { next } + self.interval);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_layer_takes_pictures_evenly_and_at_their_own_times() {
        let mut thin = Thin::new(30, 5);
        // A jitter of 3 ms.
        let times = (0..60_u64).map(|picture| picture * 33_333_333 + picture % 3 * 1_000_000);
        let taken: Vec<_> = times
            .enumerate()
            .filter(|(_, time)| thin.takes(*time))
            .map(|(picture, _)| picture)
            .collect();
        assert_eq!(taken, [0, 6, 12, 18, 24, 30, 36, 42, 48, 54]);
    }

    #[test]
    fn holes_and_clocks_set_back_do_not_stop_a_slow_layer() {
        const MS: u64 = 1_000_000;
        let mut thin = Thin::new(30, 5);
        let taken =
            [0, 100, 200, 5_000, 5_100, 5_200, 1_000, 1_100, 1_200].map(|ms| thin.takes(ms * MS));
        assert_eq!(
            taken,
            [true, false, true, true, false, true, true, false, true]
        );
    }
}
