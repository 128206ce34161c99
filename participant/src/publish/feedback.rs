//! What the other side says about what we send.

use std::time::SystemTime;

use rtc::rtcp;
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;

use super::Tally;
use crate::wire;

/// Counts the feedback, and says of which layers keyframes are asked for. `layer_of` tells which layer an SSRC is.
pub(super) fn read(
    packets: &[Box<dyn rtcp::Packet>],
    wall_now: SystemTime,
    tally: &mut Tally,
    layer_of: impl Fn(u32) -> Option<usize>,
) -> Vec<usize> {
    let mut asked = Vec::new();
    for packet in packets {
        let packet = packet.as_any();
        if let Some(request) = packet.downcast_ref::<PictureLossIndication>() {
            asked.extend(layer_of(request.media_ssrc));
        } else if let Some(request) = packet.downcast_ref::<FullIntraRequest>() {
            asked.extend(request.fir.iter().filter_map(|entry| layer_of(entry.ssrc)));
        } else if let Some(nack) = packet.downcast_ref::<TransportLayerNack>() {
            let missing = |lost: u16| 1 + u64::from(lost.count_ones());
            let pairs = nack.nacks.iter();
            let nacked: u64 = pairs.map(|pair| missing(pair.lost_packets)).sum();
            tally.total.packets_nacked += nacked;
            if let Some(layer) = tally.layer_mut(layer_of(nack.media_ssrc)) {
                layer.packets_nacked += nacked;
            }
        } else if let Some(report) = packet.downcast_ref::<ReceiverReport>() {
            read_reports(&report.reports, wall_now, tally, &layer_of);
        } else if let Some(report) = packet.downcast_ref::<SenderReport>() {
            read_reports(&report.reports, wall_now, tally, &layer_of);
        }
    }
    for layer in &asked {
        tally.total.keyframe_requests += 1;
        if let Some(layer) = tally.layer_mut(Some(*layer)) {
            layer.keyframe_requests += 1;
        }
    }
    // One keyframe is the answer to all requests that come together.
    asked.sort_unstable();
    asked.dedup();
    asked
}

fn read_reports(
    reports: &[ReceptionReport],
    wall_now: SystemTime,
    tally: &mut Tally,
    layer_of: impl Fn(u32) -> Option<usize>,
) {
    for report in reports {
        if let Some(layer) = tally.layer_mut(layer_of(report.ssrc)) {
            layer.remote_loss = f32::from(report.fraction_lost) / 256.0;
            let layers = tally.layers.iter().map(|layer| layer.remote_loss);
            tally.total.remote_loss = layers.fold(0.0, f32::max);
        }
        if report.last_sender_report != 0 {
            // RFC 3550 §6.4.1: now − LSR − DLSR, in the middle 32 bits of NTP time.
            let middle = (wire::to_ntp(wall_now) >> 16) as u32;
            let units = middle
                .wrapping_sub(report.last_sender_report)
                .wrapping_sub(report.delay);
            // The two sides' clocks may differ by a tick, which must not become 18 hours.
            if units < 1 << 31 {
                tally.total.round_trip = Some(wire::short_ntp_interval(units));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use rtc::rtcp::transport_feedbacks::transport_layer_nack::nack_pairs_from_sequence_numbers;

    use super::*;

    #[test]
    fn only_requests_for_our_video_count_each_for_its_layer() {
        let mut tally = Tally::new(2);
        let layer_of = |ssrc| [7, 9].iter().position(|other| *other == ssrc);
        let mut ask = |media_ssrcs: &[u32]| {
            let request = |media_ssrc: &u32| -> Box<dyn rtcp::Packet> {
                Box::new(PictureLossIndication {
                    sender_ssrc: 1,
                    media_ssrc: *media_ssrc,
                })
            };
            let requests: Vec<_> = media_ssrcs.iter().map(request).collect();
            read(&requests, UNIX_EPOCH, &mut tally, layer_of)
        };
        assert_eq!(ask(&[7]), [0]);
        assert!(ask(&[8]).is_empty());
        assert_eq!(ask(&[9, 7, 9]), [0, 1]);
        assert_eq!(tally.total.keyframe_requests, 4);
        let layers = tally.layers.iter().map(|layer| layer.keyframe_requests);
        assert_eq!(layers.collect::<Vec<_>>(), [2, 2]);
    }

    #[test]
    fn reports_give_loss_and_round_trip() {
        let sent = UNIX_EPOCH + Duration::from_secs(1_795_000_000);
        let report = ReceptionReport {
            ssrc: 7,
            fraction_lost: 64,
            last_sender_report: (wire::to_ntp(sent) >> 16) as u32,
            delay: 65_536 / 2,
            ..ReceptionReport::default()
        };
        let report = ReceiverReport {
            reports: vec![report],
            ..ReceiverReport::default()
        };
        let nack = TransportLayerNack {
            nacks: nack_pairs_from_sequence_numbers(&[1, 2, 40]),
            ..TransportLayerNack::default()
        };
        let mut tally = Tally::new(1);
        let now = sent + Duration::from_millis(540);
        let asked = read(&[Box::new(report), Box::new(nack)], now, &mut tally, |_| {
            Some(0)
        });
        assert!(asked.is_empty());
        assert_eq!(
            (tally.total.remote_loss, tally.total.packets_nacked),
            (0.25, 3)
        );
        assert_eq!(tally.layers[0].packets_nacked, 3);
        let round_trip = tally.total.round_trip.unwrap();
        assert!(
            round_trip.abs_diff(Duration::from_millis(40)) < Duration::from_millis(1),
            "{round_trip:?}"
        );
    }
}
