//! What the server asks of the publisher: keyframes and repairs.

use std::time::Duration;

use rtc_rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc_rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc_rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;

/// What one RTCP packet asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Demands {
    /// A keyframe.
    pub keyframe: bool,
    /// Packets: SSRC and sequence number.
    pub repairs: Vec<(u32, u16)>,
}

/// Keyframe requests, and when they came.
#[derive(Debug)]
pub struct Feedback {
    video: u32,
    started: Duration,
    last_fir: Option<u8>,
    requests: Vec<Duration>,
}

impl Feedback {
    /// For the video of `ssrc`; times count from `started`, which like all arrivals is a time since the Unix epoch.
    pub fn new(started: Duration, ssrc: u32) -> Self {
        Self {
            video: ssrc,
            started,
            last_fir: None,
            requests: Vec::new(),
        }
    }

    /// When keyframes were asked for.
    pub fn keyframe_requests(&self) -> &[Duration] {
        &self.requests
    }

    /// Reads a compound packet.
    pub fn hear(&mut self, arrival: Duration, mut compound: &[u8]) -> Demands {
        let mut demands = Demands::default();
        let Ok(packets) = rtc_rtcp::packet::unmarshal(&mut compound) else {
            return demands;
        };
        for packet in packets {
            let packet = packet.as_any();
            if let Some(nack) = packet.downcast_ref::<TransportLayerNack>() {
                let sequences = nack.nacks.iter().flat_map(|pair| pair.packet_list());
                demands
                    .repairs
                    .extend(sequences.map(|sequence| (nack.media_ssrc, sequence)));
            } else if let Some(loss) = packet.downcast_ref::<PictureLossIndication>() {
                demands.keyframe |= loss.media_ssrc == self.video;
            } else if let Some(request) = packet.downcast_ref::<FullIntraRequest>() {
                demands.keyframe |= self.is_new_fir(request);
            }
        }
        if demands.keyframe {
            self.requests.push(arrival.saturating_sub(self.started));
        }
        demands
    }

    /// A FIR is repeated with the same number until it is obeyed (RFC 5104 §4.3.1.1).
    fn is_new_fir(&mut self, request: &FullIntraRequest) -> bool {
        let Some(entry) = request.fir.iter().find(|entry| entry.ssrc == self.video) else {
            return false;
        };
        self.last_fir.replace(entry.sequence_number) != Some(entry.sequence_number)
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
        let mut feedback = Feedback::new(start, 7);
        let at = |millis| start + Duration::from_millis(millis);
        assert!(feedback.hear(at(0), &pli(7)).keyframe);
        assert!(
            !feedback.hear(at(100), &pli(8)).keyframe,
            "of another track"
        );
        assert!(feedback.hear(at(700), &fir(1)).keyframe);
        assert!(!feedback.hear(at(800), &fir(1)).keyframe, "a repeated FIR");
        assert!(feedback.hear(at(1500), &fir(2)).keyframe);
        assert!(!feedback.hear(at(1600), &[0xff; 9]).keyframe);
        assert_eq!(feedback.keyframe_requests().len(), 3);
        let shortest = shortest_spacing(feedback.keyframe_requests());
        assert_eq!(shortest, Some(Duration::from_millis(700)));
        assert_eq!(shortest_spacing(&[Duration::ZERO]), None);
    }

    #[test]
    fn lists_what_is_to_be_repaired() {
        let mut feedback = Feedback::new(Duration::ZERO, 7);
        let nack = TransportLayerNack {
            sender_ssrc: 1,
            media_ssrc: 7,
            nacks: nack_pairs_from_sequence_numbers(&[65_535, 2]),
        };
        let demands = feedback.hear(Duration::ZERO, &nack.marshal().unwrap());
        assert_eq!(demands.repairs, [(7, 65_535), (7, 2)]);
        assert!(!demands.keyframe);
    }
}
