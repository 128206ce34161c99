//! What a worker counts: plain atomics, written by one thread, read by `/metrics`.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use relay_transport::Discard;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    /// The value now.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Upper bounds of the forwarding-delay histogram, in microseconds; a last bucket holds the rest.
pub const DELAY_BOUNDS_US: [u64; 12] = [
    50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 500_000,
];

/// How long packets stay in the relay, from being read to having been handed to the kernel for every local viewer.
#[derive(Debug, Default)]
pub struct DelayHistogram {
    buckets: [Counter; DELAY_BOUNDS_US.len() + 1],
    sum_us: Counter,
}

impl DelayHistogram {
    /// Counts `packets` that took `delay`.
    pub fn record(&self, delay: Duration, packets: u64) {
        let us = u64::try_from(delay.as_micros()).unwrap_or(u64::MAX);
        let bucket = DELAY_BOUNDS_US.partition_point(|bound| *bound < us);
        self.buckets[bucket].add(packets);
        self.sum_us.add(us.saturating_mul(packets));
    }

    /// Packets per bucket, not cumulated; the last one is beyond every bound.
    pub fn buckets(&self) -> [u64; DELAY_BOUNDS_US.len() + 1] {
        self.buckets.each_ref().map(Counter::get)
    }

    /// The sum of all delays in microseconds.
    pub fn sum_us(&self) -> u64 {
        self.sum_us.get()
    }
}

/// Everything one worker counts. Packets are RTP packets, bytes are RTP payloads and headers without SRTP's overhead.
#[derive(Debug, Default)]
pub struct Counters {
    /// Packets taken in from publishers.
    pub received_packets: Counter,
    /// Their bytes.
    pub received_bytes: Counter,
    /// Packets of publishers that came twice or too late.
    pub duplicate_packets: Counter,
    /// Packets of publishers that belong to no track.
    pub unroutable_packets: Counter,
    /// Packets publishers were asked to send again.
    pub nacks_sent: Counter,
    /// Of these, packets that came.
    pub repaired_packets: Counter,
    /// Packets sent to viewers for the first time.
    pub sent_packets: Counter,
    /// Their bytes.
    pub sent_bytes: Counter,
    /// Packets viewers asked for again.
    pub nacks_received: Counter,
    /// Of these, packets sent again.
    pub resent_packets: Counter,
    /// Bytes sent only to find out what a line carries.
    pub probe_bytes: Counter,
    /// Keyframe requests of viewers that were not followed: one was on its way, or they asked too often.
    pub keyframe_requests_ignored: Counter,
    /// Packets not sent again: the viewer's repair budget was spent, or they would have come too late.
    pub withheld_packets: Counter,
    /// Keyframe requests of viewers.
    pub keyframe_requests_received: Counter,
    /// Keyframe requests to publishers.
    pub keyframe_requests_sent: Counter,
    /// Packets not forwarded because the viewer cannot decode the codec.
    pub unsupported_packets: Counter,
    /// Packets not forwarded because they are larger than any path carries.
    pub oversized_packets: Counter,
    /// Datagrams the kernel did not take.
    pub send_failures: Counter,
    /// TCP connections taken over from the acceptor.
    pub tcp_opened: Counter,
    /// Of these, connections that are over.
    pub tcp_closed: Counter,
    /// TCP connections closed before a worker had them: too many, or nothing that names a session within 5 s.
    pub tcp_refused: Counter,
    /// Datagrams that their TCP connection was too slow for, or that came after its end.
    pub tcp_dropped: Counter,
    /// Messages that another worker's full mailbox did not take.
    pub mail_dropped: Counter,
    /// Datagrams from addresses of no session.
    pub unknown_address: Counter,
    /// Datagrams dropped inside a session, by position in [`Discard::ALL`].
    pub discarded: [Counter; Discard::ALL.len()],
    /// Malformed RTCP.
    pub malformed_rtcp: Counter,
    /// Sessions that completed their handshake with AEAD_AES_128_GCM.
    pub connected_gcm: Counter,
    /// Sessions that completed their handshake with AES128_CM_HMAC_SHA1_80.
    pub connected_cm: Counter,
    /// Forwarding delay.
    pub delay: DelayHistogram,
    /// 1 when the worker's thread has ended, whatever the reason.
    pub stopped: Counter,
}

impl Counters {
    /// Counts a dropped datagram.
    pub fn discard(&self, reason: Discard) {
        if let Some(at) = Discard::ALL.iter().position(|known| *known == reason) {
            self.discarded[at].add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_fall_into_the_bucket_whose_bound_they_do_not_exceed() {
        let histogram = DelayHistogram::default();
        histogram.record(Duration::from_micros(50), 2);
        histogram.record(Duration::from_micros(51), 3);
        histogram.record(Duration::from_secs(3_600), 1);
        let buckets = histogram.buckets();
        assert_eq!((buckets[0], buckets[1], buckets[12]), (2, 3, 1));
        assert_eq!(histogram.sum_us(), 100 + 153 + 3_600_000_000);
    }
}
