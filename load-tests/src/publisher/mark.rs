//! What synthetic slices are filled with, so that whoever opens a packet knows the layer it is from.

/// Of packets without layers.
pub const PLAIN: u8 = 0xa5;
/// The low bits say which layer.
const LAYERED: u8 = 0xc0;
const MASK: u8 = 0x07;

/// The filling of a layer, 0 the best.
pub fn filling(layer: usize) -> u8 {
    LAYERED | (layer as u8 & MASK)
}

/// The layer that an RTP payload is from. Parameter sets do not tell.
pub fn layer(payload: &[u8]) -> Option<u8> {
    let last = payload.last()?;
    (last & !MASK == LAYERED).then_some(last & MASK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publisher::h264::{AccessUnit, Cut};

    #[test]
    fn every_packet_of_a_slice_says_its_layer() {
        for (at, cut) in [Cut::FullThenRest, Cut::Even].into_iter().enumerate() {
            let picture = AccessUnit::synthetic(5000, true, filling(at));
            let layers: Vec<Option<u8>> = picture
                .payloads(1172, cut)
                .iter()
                .map(|payload| layer(payload))
                .filter(Option::is_some)
                .collect();
            assert_eq!(layers, vec![Some(at as u8); 5]);
        }
        let plain = AccessUnit::synthetic(5000, true, PLAIN).payloads(1172, Cut::Even);
        assert!(plain.iter().all(|payload| layer(payload).is_none()));
        assert_eq!(layer(&[]), None);
    }
}
