//! Numbers as they travel in RTP and RTCP.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

/// The capture clock in a header extension, 8 or 16 bytes of which the first 8 are an NTP timestamp.
pub(crate) const ABS_CAPTURE_TIME: &str =
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time";
/// The m-line a packet belongs to (RFC 9143).
pub(crate) const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
/// The simulcast layer a packet belongs to (RFC 8852).
pub(crate) const RID: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
/// One number for every packet of a transport (draft-holmer-rmcat-transport-wide-cc-extensions-01).
pub(crate) const TRANSPORT_CC: &str =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

/// Seconds between the NTP epoch (1900) and the Unix epoch.
const NTP_OFFSET: u64 = 2_208_988_800;

/// A point of time as a 64-bit NTP timestamp (RFC 5905 §6). Wraps in 2036, as all of RTP does.
pub(crate) fn to_ntp(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = since.as_secs().wrapping_add(NTP_OFFSET) & 0xffff_ffff;
    let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
    seconds << 32 | fraction
}

/// The point of time nearest to `near` that has this NTP timestamp.
pub(crate) fn from_ntp(ntp: u64, near: SystemTime) -> SystemTime {
    // A difference of wrapping numbers, so that era 1 needs no thought.
    let ahead = ntp.wrapping_sub(to_ntp(near)) as i64;
    let distance = ntp_interval(ahead.unsigned_abs());
    let moved = if ahead >= 0 {
        near.checked_add(distance)
    } else {
        near.checked_sub(distance)
    };
    moved.unwrap_or(near)
}

/// An interval in units of 2⁻³² s.
fn ntp_interval(units: u64) -> Duration {
    let nanos = (u128::from(units & 0xffff_ffff) * 1_000_000_000) >> 32;
    Duration::new(units >> 32, nanos as u32)
}

/// An interval in units of 2⁻¹⁶ s, as in receiver reports (RFC 3550 §6.4.1).
pub(crate) fn short_ntp_interval(units: u32) -> Duration {
    ntp_interval(u64::from(units) << 16)
}

/// The extension's payload.
pub(crate) fn abs_capture_time(captured: SystemTime) -> Bytes {
    Bytes::copy_from_slice(&to_ntp(captured).to_be_bytes())
}

/// Reads the extension's payload; the estimated offset of the long form refers to hops we do not have.
pub(crate) fn read_abs_capture_time(payload: &[u8]) -> Option<u64> {
    match payload.len() {
        8 | 16 => payload.first_chunk().map(|ntp| u64::from_be_bytes(*ntp)),
        _ => None,
    }
}

/// A duration in ticks of an RTP clock, modulo 2³².
pub(crate) fn ticks(duration: Duration, clock_rate: u32) -> u32 {
    (duration.as_nanos() * u128::from(clock_rate) / 1_000_000_000) as u32
}

/// Ticks of an RTP clock as a duration.
pub(crate) fn from_ticks(ticks: u32, clock_rate: u32) -> Duration {
    Duration::from_nanos(u64::from(ticks) * 1_000_000_000 / u64::from(clock_rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apart(a: SystemTime, b: SystemTime) -> Duration {
        a.duration_since(b)
            .or_else(|_| b.duration_since(a))
            .unwrap()
    }

    #[test]
    fn ntp_round_trips_within_a_nanosecond_or_two() {
        // 2026, and 2040, which is in NTP's era 1.
        for seconds in [1_795_000_000, 2_210_000_000] {
            let time = UNIX_EPOCH + Duration::new(seconds, 123_456_789);
            for near in [
                time,
                time - Duration::from_secs(5),
                time + Duration::from_secs(3_600),
            ] {
                assert!(apart(from_ntp(to_ntp(time), near), time) < Duration::from_nanos(3));
            }
        }
    }

    #[test]
    fn ticks_wrap_as_rtp_timestamps_do() {
        assert_eq!(ticks(Duration::from_millis(33), 90_000), 2_970);
        let day = Duration::from_secs(86_400);
        assert_eq!(ticks(day, 90_000), (86_400_u64 * 90_000) as u32);
        assert_eq!(from_ticks(48_000, 48_000), Duration::from_secs(1));
    }

    #[test]
    fn only_the_two_lengths_of_the_extension_are_read() {
        let time = UNIX_EPOCH + Duration::from_secs(1_795_000_000);
        let payload = abs_capture_time(time);
        assert_eq!(read_abs_capture_time(&payload), Some(to_ntp(time)));
        assert_eq!(read_abs_capture_time(&payload[..7]), None);
        assert_eq!(read_abs_capture_time(&[]), None);
    }
}
