//! The way out of the relay for one session: a packet is written, numbered and sealed in the send buffer.

use std::time::Instant;

use congestion::estimate::Estimate;
use relay_core::packet::{ElementIds, Packet};
use relay_core::rtp::{self, Header};
use relay_core::slot::Outgoing;
use relay_transport::Path;
use relay_transport::srtp::Sealer;

use crate::counters::Counters;
use crate::worker::egress::{MAX_PACKET, Outlet, SendBuffer};

/// Room that a header with its extensions, an RTX prefix and SRTP's overhead may take beside the payload.
const MAX_PAYLOAD: usize = MAX_PACKET - 128;
/// What a line carries beside a payload: IP, UDP, RTP with its usual extensions, and SRTP's tag. For the estimate this is exact enough.
const OVERHEAD: usize = 28 + 12 + 16 + 16;
/// The most padding one packet can have (RFC 3550 §5.1).
pub const MAX_PADDING: usize = 255;

/// See the module.
pub struct Exit<'a, O> {
    /// The time.
    pub now: Instant,
    /// The session's keys.
    pub sealer: &'a mut Sealer,
    /// Where the client is reached.
    pub to: Path,
    /// Collects packets into runs.
    pub buffer: &'a mut SendBuffer,
    /// Takes the runs.
    pub outlet: &'a mut O,
    /// What is counted.
    pub counters: &'a Counters,
}

/// The transport-wide number of a packet under its element's identifier.
#[derive(Debug, Clone, Copy)]
pub struct Number(u8, [u8; 2]);

impl Number {
    /// A new number for a packet with this payload that leaves now.
    pub fn next(id: u8, estimate: &mut Estimate, now: Instant, payload: usize) -> Self {
        Self::again(id, estimate.sent(now, payload + OVERHEAD))
    }

    /// The number of an earlier sending.
    pub fn again(id: u8, number: u16) -> Self {
        Self(id, number.to_be_bytes())
    }

    /// The number itself.
    pub fn value(self) -> u16 {
        u16::from_be_bytes(self.1)
    }
}

/// One packet as it is to be written.
#[derive(Debug, Clone, Copy)]
pub struct Sending<'a> {
    /// Its header.
    pub header: Header,
    /// SRTP's roll-over counter.
    pub rollover: u32,
    /// Its transport-wide number, where the client reads it.
    pub number: Option<Number>,
    /// Goes before the payload.
    pub prefix: &'a [u8],
}

impl<O: Outlet> Exit<'_, O> {
    /// Writes and seals one packet. Returns its length.
    pub fn write(
        &mut self,
        sending: Sending<'_>,
        packet: &Packet,
        outgoing: Outgoing,
        ids: &ElementIds,
    ) -> Option<usize> {
        let payload = &packet.payload;
        if payload.len() > MAX_PAYLOAD {
            self.counters.oversized_packets.add(1);
            return None;
        }
        let Sending {
            header,
            rollover,
            number,
            prefix,
        } = sending;
        let sealer = &mut *self.sealer;
        self.buffer.push(self.to, self.outlet, |room| {
            let number = number.iter().map(|number| (number.0, &number.1[..]));
            let elements = packet.elements.named(ids).chain(number);
            let header_len = rtp::write_header(room, header, elements);
            let body = header_len + prefix.len();
            let end = body + payload.len();
            room[header_len..body].copy_from_slice(prefix);
            room[body..end].copy_from_slice(payload);
            packet
                .descriptor
                .write(outgoing.shift, &mut room[body..end]);
            let sealed = end + sealer.overhead();
            sealer
                .seal_rtp(&mut room[..sealed], header_len, rollover)
                .ok()?;
            Some(sealed)
        })
    }

    /// Writes and seals one packet of nothing but [padding](MAX_PADDING).
    pub fn pad(&mut self, header: Header, rollover: u32, number: Number) -> Option<usize> {
        let sealer = &mut *self.sealer;
        self.buffer.push(self.to, self.outlet, |room| {
            let elements = std::iter::once((number.0, &number.1[..]));
            let header_len = rtp::write_header(room, header, elements);
            let end = header_len + MAX_PADDING;
            room[header_len..end].fill(0);
            room[end - 1] = MAX_PADDING as u8;
            room[0] |= rtp::PADDING;
            let sealed = end + sealer.overhead();
            sealer
                .seal_rtp(&mut room[..sealed], header_len, rollover)
                .ok()?;
            Some(sealed)
        })
    }
}
