//! What is published.

use super::Pacing;
use super::mark;
use super::pattern::{FRAME_RATE, Pattern};
use super::source::Source;
use crate::client::Sending;

/// One WHIP session's media.
pub struct Programme {
    /// Of the same pictures, the best first; one is sent without identifiers.
    pub layers: Vec<Layer>,
    /// Whether there is sound.
    pub sound: bool,
    /// How packets leave.
    pub pacing: Pacing,
}

/// One encoding of the pictures.
pub struct Layer {
    /// Its identifier (RFC 8851).
    pub rid: &'static str,
    /// The pictures.
    pub source: Source,
    /// Its rate in Mbit/s; also what pacing is measured against.
    pub mbit: f64,
    /// It shows one of so many of thirty frames a second.
    pub every: u32,
}

/// A synthetic layer: identifier, Mbit/s, one of how many frames.
type Shape = (&'static str, f64, u32);

/// 4K, 1080p and 360p.
const CAMERA: [Shape; 3] = [("h", 12.0, 1), ("m", 2.5, 1), ("l", 0.35, 1)];
/// The same size twice: text stays sharp and gives up frames.
const COURSEWARE: [Shape; 2] = [("h", 6.0, 1), ("l", 0.6, 6)];

const CAMERA_RIDS: &[&str] = &["h", "m", "l"];
const COURSEWARE_RIDS: &[&str] = &["h", "l"];

impl Programme {
    /// One encoding and sound.
    pub fn single(source: Source, mbit: f64, pacing: Pacing) -> Self {
        Self {
            layers: vec![Layer {
                rid: "h",
                source,
                mbit,
                every: 1,
            }],
            sound: true,
            pacing,
        }
    }

    /// A camera in three layers, and sound.
    pub fn camera(pacing: Pacing) -> Self {
        Self::layered(&CAMERA, true, pacing)
    }

    /// Courseware in two layers.
    pub fn courseware(pacing: Pacing) -> Self {
        Self::layered(&COURSEWARE, false, pacing)
    }

    fn layered(shapes: &[Shape], sound: bool, pacing: Pacing) -> Self {
        let layer = |(at, (rid, mbit, every)): (usize, &Shape)| Layer {
            rid,
            source: Source::Synthetic {
                pattern: Pattern::on_request(*mbit, FRAME_RATE / every),
                filling: mark::filling(at),
            },
            mbit: *mbit,
            every: *every,
        };
        Self {
            layers: shapes.iter().enumerate().map(layer).collect(),
            sound,
            pacing,
        }
    }

    /// All layers together, in Mbit/s.
    pub fn mbit(&self) -> f64 {
        self.layers.iter().map(|layer| layer.mbit).sum()
    }

    /// How its video is announced. `ssrc` is that of a single layer.
    pub fn announced(&self, ssrc: u32) -> Sending {
        match self.layers.len() {
            0 | 1 => Sending::Ssrc(ssrc),
            2 => Sending::Layers(COURSEWARE_RIDS),
            _ => Sending::Layers(CAMERA_RIDS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_announced_by_their_identifiers() {
        let single = Programme::single(Source::synthetic(1.0), 1.0, Pacing::Burst);
        assert_eq!(single.announced(7), Sending::Ssrc(7));
        for programme in [
            Programme::camera(Pacing::Paced),
            Programme::courseware(Pacing::Paced),
        ] {
            let Sending::Layers(announced) = programme.announced(7) else {
                panic!("not by layers");
            };
            let rids: Vec<_> = programme.layers.iter().map(|layer| layer.rid).collect();
            assert_eq!(rids, announced);
        }
    }
}
