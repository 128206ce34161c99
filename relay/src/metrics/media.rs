//! What the media workers count, added up over all of them when Prometheus asks.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;
use relay_transport::Discard;

use crate::control::Control;
use crate::counters::{Counter, Counters, DELAY_BOUNDS_US};

/// Name, description, and which counter it is.
type Plain = (&'static str, &'static str, fn(&Counters) -> &Counter);

/// The counters without labels.
const PLAIN: &[Plain] = &[
    ("received_packets", "RTP packets from publishers", |c| {
        &c.received_packets
    }),
    (
        "received_bytes",
        "Bytes of RTP packets from publishers",
        |c| &c.received_bytes,
    ),
    (
        "duplicate_packets",
        "RTP packets that came twice or too late",
        |c| &c.duplicate_packets,
    ),
    (
        "unroutable_packets",
        "RTP packets that belong to no track",
        |c| &c.unroutable_packets,
    ),
    (
        "nacks_sent",
        "Lost packets that publishers were asked for",
        |c| &c.nacks_sent,
    ),
    (
        "repaired_packets",
        "Lost packets that publishers sent again",
        |c| &c.repaired_packets,
    ),
    ("sent_packets", "RTP packets to viewers", |c| {
        &c.sent_packets
    }),
    ("sent_bytes", "Bytes of RTP packets to viewers", |c| {
        &c.sent_bytes
    }),
    (
        "nacks_received",
        "Lost packets that viewers asked for",
        |c| &c.nacks_received,
    ),
    (
        "resent_packets",
        "Lost packets sent to viewers again",
        |c| &c.resent_packets,
    ),
    (
        "withheld_packets",
        "Lost packets not sent again: the viewer's repair budget was spent, or they would have come too late",
        |c| &c.withheld_packets,
    ),
    (
        "probe_bytes",
        "Bytes sent to viewers only to find out what their lines carry",
        |c| &c.probe_bytes,
    ),
    (
        "keyframe_requests_ignored",
        "Keyframe requests of viewers that were not followed: one was on its way, or they asked too often",
        |c| &c.keyframe_requests_ignored,
    ),
    (
        "unsupported_packets",
        "RTP packets in a codec the viewer cannot decode",
        |c| &c.unsupported_packets,
    ),
    (
        "oversized_packets",
        "RTP packets larger than any path carries",
        |c| &c.oversized_packets,
    ),
    ("send_failures", "Datagrams the kernel did not take", |c| {
        &c.send_failures
    }),
    (
        "tcp_opened_connections",
        "TCP connections that carried a check of a session",
        |c| &c.tcp_opened,
    ),
    (
        "tcp_closed_connections",
        "Of these, connections that are over",
        |c| &c.tcp_closed,
    ),
    (
        "tcp_refused_connections",
        "TCP connections closed because there were too many, or none of a session",
        |c| &c.tcp_refused,
    ),
    (
        "tcp_dropped_datagrams",
        "Datagrams dropped because their TCP connection was too slow or over",
        |c| &c.tcp_dropped,
    ),
    (
        "mail_dropped",
        "Messages a worker's full mailbox did not take",
        |c| &c.mail_dropped,
    ),
    (
        "unknown_address_datagrams",
        "Datagrams from addresses of no session",
        |c| &c.unknown_address,
    ),
    ("malformed_rtcp", "Malformed RTCP packets", |c| {
        &c.malformed_rtcp
    }),
];

/// Reads the counters of every worker.
pub struct Media(pub Control);

impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Media")
    }
}

impl Media {
    fn sum(&self, of: impl Fn(&Counters) -> u64) -> u64 {
        self.0.counters().map(of).sum()
    }

    fn sessions(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        let (publishers, viewers) = self.0.sessions();
        let mut metric = encoder.encode_descriptor(
            "sessions",
            "Sessions there are now",
            None,
            MetricType::Gauge,
        )?;
        for (kind, count) in [("publisher", publishers), ("viewer", viewers)] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            metric
                .encode_family(&[("kind", kind)])?
                .encode_gauge(&count)?;
        }
        Ok(())
    }

    /// One counter with a label, whose values are known beforehand.
    fn labelled<'a>(
        encoder: &mut DescriptorEncoder,
        (name, description): (&str, &str),
        label: &str,
        values: impl IntoIterator<Item = (&'a str, u64)>,
    ) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(name, description, None, MetricType::Counter)?;
        for (value, count) in values {
            metric
                .encode_family(&[(label, value)])?
                .encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
        Ok(())
    }

    fn delay(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        let bounds = DELAY_BOUNDS_US
            .iter()
            .map(|us| *us as f64 / 1e6)
            .chain([f64::MAX]);
        let mut buckets: Vec<(f64, u64)> = bounds.map(|bound| (bound, 0)).collect();
        for counters in self.0.counters() {
            for (bucket, count) in buckets.iter_mut().zip(counters.delay.buckets()) {
                bucket.1 += count;
            }
        }
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = self.sum(|c| c.delay.sum_us()) as f64 / 1e6;
        let description =
            "Time from reading a packet to having handed it to the kernel for every local viewer";
        encoder
            .encode_descriptor(
                "forwarding_delay",
                description,
                Some(&Unit::Seconds),
                MetricType::Histogram,
            )?
            .encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }
}

impl Collector for Media {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        for (name, description, counter) in PLAIN {
            let count = self.sum(|c| counter(c).get());
            encoder
                .encode_descriptor(name, description, None, MetricType::Counter)?
                .encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
        let keyframes = [
            ("received", self.sum(|c| c.keyframe_requests_received.get())),
            ("sent", self.sum(|c| c.keyframe_requests_sent.get())),
        ];
        let about = (
            "keyframe_requests",
            "Keyframe requests: received from viewers, sent to publishers",
        );
        Self::labelled(&mut encoder, about, "direction", keyframes)?;
        let profiles = [
            ("gcm", self.sum(|c| c.connected_gcm.get())),
            ("cm", self.sum(|c| c.connected_cm.get())),
        ];
        let about = ("connected_sessions", "Handshakes completed, by SRTP cipher");
        Self::labelled(&mut encoder, about, "cipher", profiles)?;
        let reasons = Discard::ALL.iter().enumerate();
        let discarded =
            reasons.map(|(at, reason)| (reason.as_str(), self.sum(|c| c.discarded[at].get())));
        let about = (
            "discarded_datagrams",
            "Datagrams dropped inside a session, by reason",
        );
        Self::labelled(&mut encoder, about, "reason", discarded)?;
        self.sessions(&mut encoder)?;
        self.delay(&mut encoder)
    }
}
