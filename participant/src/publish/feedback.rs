//! What the other side says about what we send.

use std::time::SystemTime;

use rtc::rtcp;
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;

use super::Statistics;
use crate::wire;

/// Counts the feedback, and says whether a keyframe is asked for.
pub(super) fn read(
    packets: &[Box<dyn rtcp::Packet>],
    wall_now: SystemTime,
    statistics: &mut Statistics,
    is_video: impl Fn(u32) -> bool,
) -> bool {
    let mut requests = 0;
    for packet in packets {
        let packet = packet.as_any();
        if let Some(request) = packet.downcast_ref::<PictureLossIndication>() {
            requests += u64::from(is_video(request.media_ssrc));
        } else if let Some(request) = packet.downcast_ref::<FullIntraRequest>() {
            requests += u64::from(request.fir.iter().any(|entry| is_video(entry.ssrc)));
        } else if let Some(nack) = packet.downcast_ref::<TransportLayerNack>() {
            let missing = |lost: u16| 1 + u64::from(lost.count_ones());
            statistics.packets_nacked += nack
                .nacks
                .iter()
                .map(|pair| missing(pair.lost_packets))
                .sum::<u64>();
        } else if let Some(report) = packet.downcast_ref::<ReceiverReport>() {
            read_reports(&report.reports, wall_now, statistics, &is_video);
        } else if let Some(report) = packet.downcast_ref::<SenderReport>() {
            read_reports(&report.reports, wall_now, statistics, &is_video);
        }
    }
    statistics.keyframe_requests += requests;
    requests > 0
}

fn read_reports(
    reports: &[ReceptionReport],
    wall_now: SystemTime,
    statistics: &mut Statistics,
    is_video: impl Fn(u32) -> bool,
) {
    for report in reports {
        if is_video(report.ssrc) {
            statistics.remote_loss = f32::from(report.fraction_lost) / 256.0;
        }
        if report.last_sender_report != 0 {
            // RFC 3550 §6.4.1: now − LSR − DLSR, in the middle 32 bits of NTP time.
            let middle = (wire::to_ntp(wall_now) >> 16) as u32;
            let units = middle
                .wrapping_sub(report.last_sender_report)
                .wrapping_sub(report.delay);
            // The two sides' clocks may differ by a tick, which must not become 18 hours.
            if units < 1 << 31 {
                statistics.round_trip = Some(wire::short_ntp_interval(units));
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
    fn only_requests_for_our_video_count() {
        let mut statistics = Statistics::default();
        let mut ask = |media_ssrc| {
            let request = PictureLossIndication {
                sender_ssrc: 1,
                media_ssrc,
            };
            read(&[Box::new(request)], UNIX_EPOCH, &mut statistics, |ssrc| {
                ssrc == 7
            })
        };
        assert!(ask(7));
        assert!(!ask(8));
        assert_eq!(statistics.keyframe_requests, 1);
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
        let mut statistics = Statistics::default();
        let now = sent + Duration::from_millis(540);
        assert!(!read(
            &[Box::new(report), Box::new(nack)],
            now,
            &mut statistics,
            |_| true
        ));
        assert_eq!(
            (statistics.remote_loss, statistics.packets_nacked),
            (0.25, 3)
        );
        let round_trip = statistics.round_trip.unwrap();
        assert!(
            round_trip.abs_diff(Duration::from_millis(40)) < Duration::from_millis(1),
            "{round_trip:?}"
        );
    }
}
