//! The little of Opus (RFC 6716) that has to be read without a decoder.

use std::time::Duration;

use participant::AudioFormat;

/// 20 ms of silence: a CELT frame that says so (RFC 6716 §4.3, the `silence` flag).
pub const SILENCE: [u8; 3] = [0xf8, 0xff, 0xfe];

/// Length of [`SILENCE`].
pub const SILENCE_DURATION: Duration = Duration::from_millis(20);

/// How long a packet sounds (RFC 6716 §3.1 and §3.2); `None` for what is not an Opus packet.
pub fn duration(packet: &[u8]) -> Option<Duration> {
    let toc = *packet.first()?;
    let frame_us: u64 = match toc >> 3 {
        config @ 0..=11 => [10_000, 20_000, 40_000, 60_000][usize::from(config & 3)],
        config @ 12..=15 => [10_000, 20_000][usize::from(config & 1)],
        config => [2_500, 5_000, 10_000, 20_000][usize::from(config & 3)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u64::from(packet.get(1)? & 0x3f),
    };
    let total = frame_us * frames;
    (1..=120_000)
        .contains(&total)
        .then(|| Duration::from_micros(total))
}

/// The format to announce for a track that begins with `packet`: the stereo bit of its first byte (RFC 6716 §3.1).
pub fn format(packet: &[u8]) -> AudioFormat {
    let stereo = packet.first().is_some_and(|toc| toc & 0x04 != 0);
    AudioFormat::Opus {
        channels: if stereo { 2 } else { 1 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_follow_the_table_of_configurations() {
        let ms = |packet: &[u8]| duration(packet).map(|d| d.as_secs_f64() * 1e3);
        assert_eq!(ms(&SILENCE), Some(20.0));
        assert_eq!(ms(&[3 << 3]), Some(60.0), "SILK, narrow band");
        assert_eq!(ms(&[13 << 3]), Some(20.0), "hybrid");
        assert_eq!(ms(&[16 << 3]), Some(2.5), "CELT");
        assert_eq!(ms(&[(31 << 3) | 1]), Some(40.0), "two frames");
        assert_eq!(ms(&[(31 << 3) | 3, 6]), Some(120.0), "six frames");
    }

    #[test]
    fn what_is_not_a_packet_has_no_duration() {
        assert_eq!(duration(&[]), None);
        assert_eq!(duration(&[0xfb]), None, "code 3 without its count");
        assert_eq!(duration(&[0xfb, 0]), None, "no frame");
        assert_eq!(duration(&[0xfb, 7]), None, "longer than 120 ms");
    }
}
