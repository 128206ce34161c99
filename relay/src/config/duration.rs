//! Durations as people write them: `90s`, `15m`, `12h`, `7d`.

use std::time::Duration;

/// The text is no duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a duration is a whole number and one of s, m, h, d, such as 90s or 12h")]
pub struct InvalidDuration;

/// Reads a duration.
pub fn parse(text: &str) -> Result<Duration, InvalidDuration> {
    let unit = text.chars().last().ok_or(InvalidDuration)?;
    let seconds: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(InvalidDuration),
    };
    let digits = &text[..text.len() - unit.len_utf8()];
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(InvalidDuration);
    }
    let count: u64 = digits.parse().map_err(|_| InvalidDuration)?;
    count
        .checked_mul(seconds)
        .map(Duration::from_secs)
        .ok_or(InvalidDuration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_unit() {
        let seconds = |text| parse(text).map(|d| d.as_secs());
        assert_eq!(seconds("90s"), Ok(90));
        assert_eq!(seconds("15m"), Ok(900));
        assert_eq!(seconds("12h"), Ok(43_200));
        assert_eq!(seconds("7d"), Ok(604_800));
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            "s",
            "12",
            "-1s",
            "+1s",
            "1.5h",
            "1w",
            "99999999999999999999s",
            "9999999999999999999d",
            "1课",
        ] {
            assert_eq!(parse(text), Err(InvalidDuration), "{text:?}");
        }
    }
}
