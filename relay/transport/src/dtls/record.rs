//! DTLS 1.2 records (RFC 6347 §4.1).

pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(super) const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;

pub(super) const HEADER_LEN: usize = 13;

/// Alert descriptions (RFC 5246 §7.2).
pub(super) const HANDSHAKE_FAILURE: u8 = 40;
pub(super) const BAD_CERTIFICATE: u8 = 42;
pub(super) const INTERNAL_ERROR: u8 = 80;

const FATAL: u8 = 2;

/// One record as it stands in a datagram.
#[derive(Clone, Copy)]
pub(super) struct Record<'a> {
    pub(super) header: &'a [u8; HEADER_LEN],
    pub(super) body: &'a [u8],
}

impl<'a> Record<'a> {
    /// Splits the first record off a datagram; `None` if it is truncated, empty or of another
    /// protocol version than DTLS 1.0 (which first ClientHellos carry) and 1.2.
    pub(super) fn split(datagram: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (header, rest) = datagram.split_first_chunk::<HEADER_LEN>()?;
        let length = usize::from(u16::from_be_bytes([header[11], header[12]]));
        let (body, rest) = rest.split_at_checked(length)?;
        let version_is_known = header[1] == 254 && matches!(header[2], 253 | 255);
        (version_is_known && !body.is_empty()).then_some((Self { header, body }, rest))
    }

    pub(super) fn content(&self) -> u8 {
        self.header[0]
    }

    pub(super) fn epoch(&self) -> u16 {
        u16::from_be_bytes([self.header[3], self.header[4]])
    }
}

/// A fatal alert for a client that has no keys yet. Its sequence number is one that the handshake
/// never reaches, so that no replay window drops it.
pub(super) fn fatal_alert(description: u8) -> Vec<u8> {
    let (epoch, sequence, length) = ([0, 0], [0, 1, 0, 0, 0, 0], [0, 2]);
    let mut alert = vec![ALERT, 254, 253];
    alert.extend(epoch);
    alert.extend(sequence);
    alert.extend(length);
    alert.extend([FATAL, description]);
    alert
}

/// Whether any record of a datagram is a fatal alert in plain text.
pub(super) fn is_fatal_alert(mut datagram: &[u8]) -> bool {
    while let Some((record, rest)) = Record::split(datagram) {
        if record.content() == ALERT && record.epoch() == 0 && record.body.first() == Some(&FATAL) {
            return true;
        }
        datagram = rest;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alert_made_here_is_recognised() {
        let alert = fatal_alert(BAD_CERTIFICATE);
        let (record, rest) = Record::split(&alert).unwrap();
        assert_eq!((record.content(), record.epoch()), (ALERT, 0));
        assert_eq!(
            (record.body, rest),
            (&[FATAL, BAD_CERTIFICATE][..], &[][..])
        );
        assert!(is_fatal_alert(&alert));
        assert!(!is_fatal_alert(&alert[..14]));
    }

    #[test]
    fn truncated_and_foreign_records_are_refused() {
        let alert = fatal_alert(BAD_CERTIFICATE);
        for length in 0..alert.len() {
            assert!(Record::split(&alert[..length]).is_none(), "{length}");
        }
        let mut tls = alert.clone();
        tls[1] = 3;
        assert!(Record::split(&tls).is_none());
    }
}
