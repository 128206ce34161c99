//! What the server asks of the publisher: keyframes and repairs.

use std::time::Duration;

use rtc_rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc_rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc_rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;

/// What one RTCP packet asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Demands {
    /// Keyframes, of these SSRCs.
    pub keyframes: Vec<u32>,
    /// Packets: SSRC and sequence number.
    pub repairs: Vec<(u32, u16)>,
}

/// Keyframe requests, and when they came.
#[derive(Debug)]
pub struct Feedback {
    started: Duration,
    layers: Vec<Asked>,
}

/// What was asked of one SSRC.
#[derive(Debug)]
struct Asked {
    ssrc: u32,
    last_fir: Option<u8>,
    at: Vec<Duration>,
}

impl Feedback {
    /// For the video of these SSRCs; times count from `started`, which like all arrivals is a time since the Unix epoch.
    pub fn new(started: Duration, ssrcs: impl IntoIterator<Item = u32>) -> Self {
        let asked = |ssrc| Asked {
            ssrc,
            last_fir: None,
            at: Vec::new(),
        };
        Self {
            started,
            layers: ssrcs.into_iter().map(asked).collect(),
        }
    }

    /// When keyframes were asked for, for each SSRC in the order they were given in.
    pub fn keyframe_requests(&self) -> impl Iterator<Item = &[Duration]> {
        self.layers.iter().map(|layer| layer.at.as_slice())
    }

    /// Reads a compound packet.
    pub fn hear(&mut self, arrival: Duration, mut compound: &[u8]) -> Demands {
        let mut demands = Demands::default();
        let Ok(packets) = rtc_rtcp::packet::unmarshal(&mut compound) else {
            return demands;
        };
        let at = arrival.saturating_sub(self.started);
        for packet in packets {
            let packet = packet.as_any();
            if let Some(nack) = packet.downcast_ref::<TransportLayerNack>() {
                let sequences = nack.nacks.iter().flat_map(|pair| pair.packet_list());
                demands
                    .repairs
                    .extend(sequences.map(|sequence| (nack.media_ssrc, sequence)));
            } else if let Some(loss) = packet.downcast_ref::<PictureLossIndication>() {
                self.ask(at, loss.media_ssrc, None, &mut demands);
            } else if let Some(request) = packet.downcast_ref::<FullIntraRequest>() {
                for entry in &request.fir {
                    self.ask(at, entry.ssrc, Some(entry.sequence_number), &mut demands);
                }
            }
        }
        demands
    }

    /// A FIR is repeated with the same number until it is obeyed (RFC 5104 §4.3.1.1).
    fn ask(&mut self, at: Duration, ssrc: u32, fir: Option<u8>, demands: &mut Demands) {
        let Some(layer) = self.layers.iter_mut().find(|layer| layer.ssrc == ssrc) else {
            return;
        };
        if fir.is_some() && std::mem::replace(&mut layer.last_fir, fir) == fir {
            return;
        }
        if !demands.keyframes.contains(&ssrc) {
            demands.keyframes.push(ssrc);
            layer.at.push(at);
        }
    }
}

/// The shortest time between two requests.
pub fn shortest_spacing(requests: &[Duration]) -> Option<Duration> {
    requests.windows(2).map(|pair| pair[1] - pair[0]).min()
}

#[cfg(test)]
mod tests {
    use rtc_rtcp::payload_feedbacks::full_intra_request::FirEntry;
    use rtc_rtcp::transport_feedbacks::transport_layer_nack::nack_pairs_from_sequence_numbers;
    use rtc_shared::marshal::Marshal;

    use super::*;

    fn fir(sequence_number: u8) -> Vec<u8> {
        let request = FullIntraRequest {
            sender_ssrc: 1,
            media_ssrc: 0,
            fir: vec![FirEntry {
                ssrc: 7,
                sequence_number,
            }],
        };
        request.marshal().unwrap().to_vec()
    }

    fn pli(media_ssrc: u32) -> Vec<u8> {
        PictureLossIndication {
            sender_ssrc: 1,
            media_ssrc,
        }
        .marshal()
        .unwrap()
        .to_vec()
    }

    #[test]
    fn counts_each_request_once() {
        let start = Duration::from_secs(1_700_000_000);
        let mut feedback = Feedback::new(start, [7, 9]);
        let at = |millis| start + Duration::from_millis(millis);
        let mut keyframes = |millis, compound: &[u8]| feedback.hear(at(millis), compound).keyframes;
        assert_eq!(keyframes(0, &pli(7)), [7]);
        assert!(keyframes(100, &pli(8)).is_empty(), "of another track");
        assert_eq!(keyframes(200, &pli(9)), [9]);
        assert_eq!(keyframes(700, &fir(1)), [7]);
        assert!(keyframes(800, &fir(1)).is_empty(), "a repeated FIR");
        assert_eq!(keyframes(1500, &fir(2)), [7]);
        assert_eq!(keyframes(1550, &[pli(9), pli(9)].concat()), [9]);
        assert!(keyframes(1600, &[0xff; 9]).is_empty());
        let counts: Vec<usize> = feedback.keyframe_requests().map(<[_]>::len).collect();
        assert_eq!(counts, [3, 2]);
        let first = feedback.keyframe_requests().next().unwrap();
        assert_eq!(shortest_spacing(first), Some(Duration::from_millis(700)));
        assert_eq!(shortest_spacing(&[Duration::ZERO]), None);
    }

    #[test]
    fn lists_what_is_to_be_repaired() {
        let mut feedback = Feedback::new(Duration::ZERO, [7]);
        let nack = TransportLayerNack {
            sender_ssrc: 1,
            media_ssrc: 7,
            nacks: nack_pairs_from_sequence_numbers(&[65_535, 2]),
        };
        let demands = feedback.hear(Duration::ZERO, &nack.marshal().unwrap());
        assert_eq!(demands.repairs, [(7, 65_535), (7, 2)]);
        assert!(demands.keyframes.is_empty());
    }
}
