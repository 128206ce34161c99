//! What of a datagram may reach the handshake.
//!
//! `rtc_dtls` keeps every fragment and every early record it is given, reassembles recursively, and
//! acts on plain-text records that only a forger sends. So nothing but plausible records of a DTLS
//! client get through, in a bounded number, and handshake messages only whole.

use bytes::BytesMut;

use super::hello::SrtpOffer;
use super::record::{ALERT, CHANGE_CIPHER_SPEC, HANDSHAKE, HEADER_LEN, Record};
use crate::Discard;

/// Records of a session. A handshake takes about 8, each of its repetitions as many.
const BUDGET: u32 = 256;

/// A chain of RSA certificates with room to spare.
const MAX_MESSAGE: usize = 16 * 1024;

/// Client messages are numbered from 0 (ClientHello) to 5 (CertificateVerify).
const MAX_SEQUENCE: u16 = 15;

/// Fragments of one message: more than a message of that size needs on any path.
const MAX_FRAGMENTS: usize = 64;

const CLIENT_HELLO: u8 = 1;
const CERTIFICATE: u8 = 11;
const CERTIFICATE_VERIFY: u8 = 15;
const CLIENT_KEY_EXCHANGE: u8 = 16;

const MESSAGE_HEADER_LEN: usize = 12;

/// Reassembles and filters what a client sends.
#[derive(Default)]
pub(super) struct Intake {
    passed: u32,
    partial: Vec<Partial>,
}

/// What passed of one datagram.
#[derive(Default)]
pub(super) struct Accepted {
    /// Records for the handshake; empty if there were only parts of messages.
    pub(super) records: BytesMut,
    /// What the ClientHello among them offers.
    pub(super) offer: Option<SrtpOffer>,
}

impl Intake {
    pub(super) fn accept(&mut self, mut datagram: &[u8]) -> Result<Accepted, Discard> {
        let mut accepted = Accepted::default();
        let mut outcome = Err(Discard::Malformed);
        while let Some((record, rest)) = Record::split(datagram) {
            datagram = rest;
            if self.accept_record(record, &mut accepted).is_some() {
                outcome = Ok(());
            } else if outcome.is_err() {
                outcome = Err(Discard::BadHandshake);
            }
        }
        outcome.map(|()| accepted)
    }

    /// `None` if the record is dropped.
    fn accept_record(&mut self, record: Record<'_>, accepted: &mut Accepted) -> Option<()> {
        match (record.epoch(), record.content()) {
            (0, HANDSHAKE) => {
                let messages = self.accept_messages(record.body, &mut accepted.offer)?;
                if !messages.is_empty() {
                    self.spend()?;
                    let length = u16::try_from(messages.len()).ok()?.to_be_bytes();
                    let header = &record.header[..HEADER_LEN - length.len()];
                    accepted.records.extend_from_slice(header);
                    accepted.records.extend_from_slice(&length);
                    accepted.records.extend_from_slice(&messages);
                }
                return Some(());
            }
            (0, CHANGE_CIPHER_SPEC) if record.body == [1] => {}
            (0, ALERT) if matches!(record.body, [1 | 2, _]) => {}
            // ChangeCipherSpec is not authenticated, and there is nobody to read application data.
            (1, HANDSHAKE | ALERT) => {}
            _ => return None,
        }
        self.spend()?;
        accepted.records.extend_from_slice(record.header);
        accepted.records.extend_from_slice(record.body);
        Some(())
    }

    fn spend(&mut self) -> Option<()> {
        self.passed += 1;
        (self.passed <= BUDGET).then_some(())
    }

    /// The messages that the fragments in `body` complete, each as one fragment.
    fn accept_messages(
        &mut self,
        mut body: &[u8],
        offer: &mut Option<SrtpOffer>,
    ) -> Option<Vec<u8>> {
        let mut whole = Vec::new();
        while !body.is_empty() {
            let (fragment, rest) = Fragment::split(body)?;
            body = rest;
            let Some(message) = self.assemble(fragment)? else {
                continue;
            };
            if fragment.kind == CLIENT_HELLO {
                *offer = Some(SrtpOffer::parse(&message)?);
            }
            fragment.write_whole(&message, &mut whole);
        }
        Some(whole)
    }

    /// The whole message, if this fragment completes it; `None` if it contradicts earlier ones.
    fn assemble(&mut self, fragment: Fragment<'_>) -> Option<Option<Vec<u8>>> {
        if fragment.bytes.len() == fragment.length {
            return Some(Some(fragment.bytes.to_vec()));
        }
        let position = match self
            .partial
            .iter()
            .position(|partial| partial.sequence == fragment.sequence)
        {
            Some(position) => position,
            None => {
                self.partial.push(Partial::new(fragment));
                self.partial.len() - 1
            }
        };
        match self.partial[position].add(fragment) {
            Some(false) => Some(None),
            Some(true) => Some(Some(self.partial.swap_remove(position).bytes)),
            None => {
                self.partial.swap_remove(position);
                None
            }
        }
    }
}

/// A handshake message of which parts have arrived.
struct Partial {
    kind: u8,
    sequence: u16,
    bytes: Vec<u8>,
    /// Ranges that have arrived.
    arrived: Vec<(usize, usize)>,
}

impl Partial {
    fn new(fragment: Fragment<'_>) -> Self {
        Self {
            kind: fragment.kind,
            sequence: fragment.sequence,
            bytes: vec![0; fragment.length],
            arrived: Vec::new(),
        }
    }

    /// Whether the message is complete; `None` if the fragment does not belong to it, or one too
    /// many came.
    fn add(&mut self, fragment: Fragment<'_>) -> Option<bool> {
        let end = fragment.offset + fragment.bytes.len();
        if fragment.kind != self.kind
            || fragment.length != self.bytes.len()
            || self.arrived.len() == MAX_FRAGMENTS
        {
            return None;
        }
        self.bytes
            .get_mut(fragment.offset..end)?
            .copy_from_slice(fragment.bytes);
        self.arrived.push((fragment.offset, end));
        self.arrived.sort_unstable();
        let mut covered = 0;
        for (start, end) in &self.arrived {
            if *start > covered {
                return Some(false);
            }
            covered = covered.max(*end);
        }
        Some(covered == self.bytes.len())
    }
}

/// One fragment of a handshake message (RFC 6347 §4.2.2).
#[derive(Clone, Copy)]
struct Fragment<'a> {
    kind: u8,
    /// Of the whole message.
    length: usize,
    sequence: u16,
    offset: usize,
    bytes: &'a [u8],
}

impl<'a> Fragment<'a> {
    /// Splits the first fragment off a record; `None` if it is not one a client sends in plain text.
    fn split(body: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (header, rest) = body.split_first_chunk::<MESSAGE_HEADER_LEN>()?;
        let [kind, l0, l1, l2, s0, s1, o0, o1, o2, f0, f1, f2] = *header;
        let number = |bytes: [u8; 3]| {
            bytes
                .iter()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte))
        };
        let (bytes, rest) = rest.split_at_checked(number([f0, f1, f2]))?;
        let fragment = Self {
            kind,
            length: number([l0, l1, l2]),
            sequence: u16::from_be_bytes([s0, s1]),
            offset: number([o0, o1, o2]),
            bytes,
        };
        let plausible = matches!(
            kind,
            CLIENT_HELLO | CERTIFICATE | CERTIFICATE_VERIFY | CLIENT_KEY_EXCHANGE
        ) && fragment.length <= MAX_MESSAGE
            && fragment.sequence <= MAX_SEQUENCE
            && fragment.offset + bytes.len() <= fragment.length
            && (!bytes.is_empty() || fragment.length == 0);
        plausible.then_some((fragment, rest))
    }

    /// Writes the message this fragment belongs to as a single fragment.
    fn write_whole(&self, message: &[u8], output: &mut Vec<u8>) {
        let length = &(message.len() as u32).to_be_bytes()[1..];
        output.push(self.kind);
        output.extend_from_slice(length);
        output.extend_from_slice(&self.sequence.to_be_bytes());
        output.extend_from_slice(&[0; 3]);
        output.extend_from_slice(length);
        output.extend_from_slice(message);
    }
}

#[cfg(test)]
mod tests;
