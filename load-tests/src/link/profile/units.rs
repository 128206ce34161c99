//! Numbers with units, as profiles write them.

use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor, value::MapAccessDeserializer};

/// A time such as `10s` or `2.5ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Span(pub Duration);

/// A share such as `5%`, kept as a ratio from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub struct Share(pub f64);

/// A rate such as `4Mbit/s` in bits per second; `None` is `unlimited`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Rate(pub Option<u64>);

/// What a queue holds before it drops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Room {
    /// So many bytes: `64kB`.
    Bytes(u64),
    /// What the rate carries in this time: `200ms`.
    Time(Duration),
}

/// `"5%"`, or `{ average = "2%", burst = 20 }`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LossText {
    /// Each packet for itself.
    Random(Share),
    /// In runs.
    Bursts(BurstText),
}

/// Loss in runs.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BurstText {
    /// Of all packets.
    pub average: Share,
    /// Mean length of a run, in packets.
    pub burst: f64,
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        span(&text)
            .map(Self)
            .ok_or_else(|| format!("`{text}` is no time such as \"10s\" or \"2.5ms\""))
    }
}

impl TryFrom<String> for Share {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        number(&text, "%")
            .filter(|percent| *percent <= 100.0)
            .map(|percent| Self(percent / 100.0))
            .ok_or_else(|| format!("`{text}` is no share from \"0%\" to \"100%\""))
    }
}

impl TryFrom<String> for Rate {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "unlimited" {
            return Ok(Self(None));
        }
        [("Gbit/s", 1e9), ("Mbit/s", 1e6), ("kbit/s", 1e3)]
            .into_iter()
            .find_map(|(unit, scale)| Some(number(&text, unit)? * scale))
            .filter(|bits| (8e3..=1e10).contains(bits))
            .map(|bits| Self(Some(bits as u64)))
            .ok_or_else(|| {
                format!("`{text}` is no rate from \"8kbit/s\" to \"10Gbit/s\", nor \"unlimited\"")
            })
    }
}

impl TryFrom<String> for Room {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bytes = [("MB", 1e6), ("kB", 1e3), ("B", 1.0)]
            .into_iter()
            .find_map(|(unit, scale)| Some(number(&text, unit)? * scale))
            .filter(|bytes| *bytes <= 1e9)
            .map(|bytes| Self::Bytes(bytes as u64));
        bytes
            .or_else(|| span(&text).map(Self::Time))
            .ok_or_else(|| format!("`{text}` is no queue such as \"64kB\" or \"200ms\""))
    }
}

impl<'de> Deserialize<'de> for LossText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LossVisitor)
    }
}

/// Unlike an untagged enum this keeps the message of whichever form was written.
struct LossVisitor;

impl<'de> Visitor<'de> for LossVisitor {
    type Value = LossText;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a share such as \"5%\", or { average = \"2%\", burst = 20 }")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<LossText, E> {
        Share::try_from(text.to_owned())
            .map(LossText::Random)
            .map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<LossText, A::Error> {
        BurstText::deserialize(MapAccessDeserializer::new(map)).map(LossText::Bursts)
    }
}

fn span(text: &str) -> Option<Duration> {
    let seconds = match number(text, "ms") {
        Some(millis) => millis / 1000.0,
        None => number(text, "s")?,
    };
    (seconds <= 86_400.0).then(|| Duration::from_secs_f64(seconds))
}

/// A number that is not negative, before its unit.
fn number(text: &str, unit: &str) -> Option<f64> {
    let digits = text.strip_suffix(unit)?.trim_end();
    if !digits.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    digits
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_units() {
        let own = str::to_owned;
        assert_eq!(
            Span::try_from(own("2.5ms")),
            Ok(Span(Duration::from_micros(2500)))
        );
        assert_eq!(
            Span::try_from(own("10 s")),
            Ok(Span(Duration::from_secs(10)))
        );
        assert_eq!(Share::try_from(own("5%")), Ok(Share(0.05)));
        assert_eq!(Rate::try_from(own("4Mbit/s")), Ok(Rate(Some(4_000_000))));
        assert_eq!(Rate::try_from(own("unlimited")), Ok(Rate(None)));
        assert_eq!(Room::try_from(own("64kB")), Ok(Room::Bytes(64_000)));
        assert_eq!(Room::try_from(own("1500B")), Ok(Room::Bytes(1500)));
        assert_eq!(
            Room::try_from(own("200ms")),
            Ok(Room::Time(Duration::from_millis(200)))
        );
    }

    #[test]
    fn refuses_what_cannot_be() {
        for text in ["", "5", "-5%", "101%", "NaN%", "inf%", "%"] {
            assert!(Share::try_from(text.to_owned()).is_err(), "{text}");
        }
        for text in ["0kbit/s", "-1Mbit/s", "4", "4Mb", "99Gbit/s"] {
            assert!(Rate::try_from(text.to_owned()).is_err(), "{text}");
        }
        for text in ["soon", "-1s", "1e300s", "3h"] {
            assert!(Span::try_from(text.to_owned()).is_err(), "{text}");
        }
        assert!(Room::try_from("lots".to_owned()).is_err());
    }
}
