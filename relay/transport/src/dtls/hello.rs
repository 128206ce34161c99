//! Which SRTP profiles a ClientHello offers (RFC 6347 §4.2.1, RFC 5764 §4.1.1).

/// What the use_srtp extension lists of what the relay has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SrtpOffer {
    pub(super) gcm: bool,
    pub(super) counter: bool,
}

const USE_SRTP: u16 = 14;
const AES128_CM_SHA1_80: u16 = 0x0001;
const AEAD_AES_128_GCM: u16 = 0x0007;

impl SrtpOffer {
    /// Reads the body of a ClientHello. Without the extension nothing is offered; `None` if the
    /// message is malformed.
    pub(super) fn parse(hello: &[u8]) -> Option<Self> {
        const VERSION_AND_RANDOM: usize = 2 + 32;
        let mut reader = Reader(hello.get(VERSION_AND_RANDOM..)?);
        let _session = reader.short_vector()?;
        let _cookie = reader.short_vector()?;
        let _cipher_suites = reader.vector()?;
        let _compression = reader.short_vector()?;
        if reader.0.is_empty() {
            return Some(Self::default());
        }
        let mut extensions = Reader(reader.vector()?);
        while !extensions.0.is_empty() {
            let number = extensions.number()?;
            let value = extensions.vector()?;
            if number == USE_SRTP {
                return Self::from_profiles(Reader(value).vector()?);
            }
        }
        Some(Self::default())
    }

    fn from_profiles(list: &[u8]) -> Option<Self> {
        let (profiles, []) = list.as_chunks::<2>() else {
            return None;
        };
        let offers = |profile: u16| profiles.contains(&profile.to_be_bytes());
        Some(Self {
            gcm: offers(AEAD_AES_128_GCM),
            counter: offers(AES128_CM_SHA1_80),
        })
    }
}

/// Reads numbers and length-prefixed vectors off the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn number(&mut self) -> Option<u16> {
        let (number, rest) = self.0.split_first_chunk::<2>()?;
        self.0 = rest;
        Some(u16::from_be_bytes(*number))
    }

    fn vector(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(length.into())
    }

    fn short_vector(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first()?;
        self.0 = rest;
        self.take(usize::from(*length))
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A ClientHello body with one unrelated extension and, unless empty, the given profiles.
    pub(in crate::dtls) fn hello(profiles: &[u16]) -> Vec<u8> {
        let mut extensions = vec![0, 23, 0, 0];
        if !profiles.is_empty() {
            let length = u16::try_from(profiles.len() * 2).unwrap();
            extensions.extend([0, 14]);
            extensions.extend((length + 3).to_be_bytes());
            extensions.extend(length.to_be_bytes());
            extensions.extend(profiles.iter().flat_map(|profile| profile.to_be_bytes()));
            extensions.push(0);
        }
        let mut hello = vec![254, 253];
        hello.extend([9; 32]);
        hello.extend([0, 0, 0, 2, 0xC0, 0x2B, 1, 0]);
        hello.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
        hello.extend(extensions);
        hello
    }

    #[test]
    fn profiles_are_found_in_any_order() {
        let both = SrtpOffer {
            gcm: true,
            counter: true,
        };
        assert_eq!(SrtpOffer::parse(&hello(&[1, 8, 7])), Some(both));
        assert_eq!(SrtpOffer::parse(&hello(&[7, 1])), Some(both));
        let counter = SrtpOffer {
            gcm: false,
            counter: true,
        };
        assert_eq!(SrtpOffer::parse(&hello(&[8, 2, 1])), Some(counter));
        assert_eq!(SrtpOffer::parse(&hello(&[])), Some(SrtpOffer::default()));
    }

    #[test]
    fn truncations_are_malformed_or_offer_nothing() {
        let whole = hello(&[1, 7]);
        for length in 0..whole.len() {
            let offer = SrtpOffer::parse(&whole[..length]);
            assert!(
                offer.is_none_or(|offer| offer == SrtpOffer::default()),
                "{length}"
            );
        }
    }
}
