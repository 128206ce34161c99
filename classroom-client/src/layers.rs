//! In which layers a source is published, so that every room gets one that its line carries.

use crate::encode::{Encoder, Size};

/// Pictures per second of slow courseware.
const SLOW: u32 = 5;
/// Bit rates of layers below the best one: bits per pixel, and the least for a face that can be recognised.
const LOWER_BITS_PER_PIXEL: f64 = 0.04;
const LOWER_LEAST: u32 = 350_000;
/// No best layer of a camera, of courseware, and no slow courseware takes more by itself, bits per second.
const CAMERA_MOST: u32 = 12_000_000;
const COURSEWARE_MOST: u32 = 8_000_000;
const SLOW_MOST: u32 = 600_000;
/// What one core encodes in software beside everything else: x264's fastest preset manages about 170 million pixels a second
/// on a core of 2020.
const SOFTWARE_PIXELS_PER_CORE: u64 = 150_000_000;

/// Which layers are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layers {
    /// One encoding.
    Off,
    /// The picture also in these heights, the largest first, where they are below its own: for cameras.
    Heights(Vec<u32>),
    /// The picture also at so many pictures per second, in the same size: for courseware, whose letters must stay sharp.
    Rate(u32),
}

impl Layers {
    /// 1080 and 360 lines, below a camera's 2160.
    pub fn of_camera() -> Self {
        Self::Heights(vec![1_080, 360])
    }

    /// Five pictures a second.
    pub fn of_courseware() -> Self {
        Self::Rate(SLOW)
    }
}

/// One encoding of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Its name in RTP and SDP (RFC 8851).
    pub rid: &'static str,
    /// What is encoded.
    pub size: Size,
    /// Bits per second.
    pub bitrate: u32,
}

/// The layers of a picture of this size, the best first. `bitrate`, in bits per second, is for the best; without layers it is
/// for the whole picture.
pub fn wanted(size: Size, bitrate: Option<u32>, layers: &Layers) -> Vec<Layer> {
    let best = |most: u32| Layer {
        rid: "h",
        size,
        bitrate: bitrate.unwrap_or_else(|| size.default_bitrate().min(most)),
    };
    match layers {
        Layers::Off => vec![best(u32::MAX)],
        Layers::Heights(heights) => {
            let heights = heights.iter().filter(|height| **height < size.height);
            let sizes: Vec<_> = heights.map(|height| size.with_height(*height)).collect();
            let names = rids(1 + sizes.len());
            let lower = sizes
                .iter()
                .zip(names.into_iter().skip(1))
                .map(|(size, rid)| Layer {
                    rid,
                    size: *size,
                    bitrate: lower_bitrate(*size),
                });
            let most = if sizes.is_empty() {
                u32::MAX
            } else {
                CAMERA_MOST
            };
            std::iter::once(best(most)).chain(lower).collect()
        }
        // Half the rate is no step down.
        Layers::Rate(fps) if *fps * 2 < size.fps => {
            let best = best(COURSEWARE_MOST);
            let slow = Layer {
                rid: "l",
                size: Size { fps: *fps, ..size },
                bitrate: (best.bitrate / 2).min(SLOW_MOST),
            };
            vec![best, slow]
        }
        Layers::Rate(_) => vec![best(COURSEWARE_MOST)],
    }
}

/// The names of so many layers, the best first. More than four are not sent.
pub fn rids(count: usize) -> Vec<&'static str> {
    match count {
        0 | 1 => vec!["h"],
        // The lower of two is the least there is.
        2 => vec!["h", "l"],
        3 => vec!["h", "m", "l"],
        _ => vec!["h", "m", "l", "k"],
    }
}

fn lower_bitrate(size: Size) -> u32 {
    ((size.pixels_per_second() as f64 * LOWER_BITS_PER_PIXEL) as u32).max(LOWER_LEAST)
}

/// Which of these encodings a machine with so many cores can do, by their places: the best always, because it was asked for;
/// then, the least first, what fits. Encoders in hardware cost nothing here.
pub fn affordable(encodings: &[(Size, Encoder)], cores: usize) -> Vec<usize> {
    let cost = |at: usize| match encodings[at] {
        (size, encoder) if encoder.is_software() => size.pixels_per_second(),
        _ => 0,
    };
    let mut left = SOFTWARE_PIXELS_PER_CORE * cores as u64;
    let mut taken = Vec::new();
    for at in (0..encodings.len().min(1)).chain((1..encodings.len()).rev()) {
        if at == 0 || cost(at) <= left {
            left = left.saturating_sub(cost(at));
            taken.push(at);
        }
    }
    taken.sort_unstable();
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(width: u32, height: u32, fps: u32) -> Size {
        Size { width, height, fps }
    }

    const UHD: Size = Size {
        width: 3_840,
        height: 2_160,
        fps: 30,
    };

    fn named(layers: &[Layer]) -> Vec<(&str, u32, u32)> {
        let layers = layers.iter();
        layers
            .map(|layer| (layer.rid, layer.size.height, layer.size.fps))
            .collect()
    }

    #[test]
    fn a_camera_is_sent_in_the_heights_below_its_own() {
        let layers = wanted(UHD, None, &Layers::of_camera());
        assert_eq!(
            named(&layers),
            [("h", 2_160, 30), ("m", 1_080, 30), ("l", 360, 30)]
        );
        let rates: Vec<_> = layers.iter().map(|layer| layer.bitrate / 10_000).collect();
        assert_eq!(rates, [1_200, 248, 35]);
        assert_eq!(layers[2].size.width, 640);

        let layers = wanted(
            size(1_920, 1_080, 30),
            Some(4_000_000),
            &Layers::of_camera(),
        );
        assert_eq!(named(&layers), [("h", 1_080, 30), ("l", 360, 30)]);
        assert_eq!(layers[0].bitrate, 4_000_000);
        let small = size(640, 360, 30);
        assert_eq!(
            named(&wanted(small, None, &Layers::of_camera())),
            [("h", 360, 30)]
        );
        let odd = wanted(size(1_000, 720, 30), None, &Layers::of_camera());
        assert_eq!(odd[1].size, size(500, 360, 30), "sides are even");
    }

    #[test]
    fn courseware_keeps_its_size() {
        let layers = wanted(size(3_840, 2_160, 15), None, &Layers::of_courseware());
        assert_eq!(named(&layers), [("h", 2_160, 15), ("l", 2_160, 5)]);
        let rates: Vec<_> = layers.iter().map(|layer| layer.bitrate).collect();
        assert_eq!(rates, [8_000_000, 600_000]);
        let slow = wanted(size(1_280, 720, 10), None, &Layers::of_courseware());
        assert_eq!(named(&slow), [("h", 720, 10)]);
    }

    #[test]
    fn what_is_switched_off_is_one_encoding_as_good_as_before() {
        let layers = wanted(UHD, None, &Layers::Off);
        assert_eq!(named(&layers), [("h", 2_160, 30)]);
        assert_eq!(layers[0].bitrate, UHD.default_bitrate());
    }

    #[test]
    fn a_machine_does_the_best_layer_and_of_the_others_what_it_can() {
        let of = |encoder, cores| {
            let layers = wanted(UHD, None, &Layers::of_camera());
            let encodings: Vec<_> = layers.iter().map(|layer| (layer.size, encoder)).collect();
            affordable(&encodings, cores)
        };
        assert_eq!(of(Encoder::X264, 1), [0]);
        assert_eq!(of(Encoder::X264, 2), [0, 2]);
        assert_eq!(of(Encoder::X264, 4), [0, 1, 2]);
        assert_eq!(of(Encoder::Va, 1), [0, 1, 2]);
    }
}
