//! Retransmission of the server's flight (RFC 6347 §4.2.4).
//!
//! `rtc_dtls` disarms its own timer whenever a handshake record arrives, also when that record is
//! only a repetition, and gives up after a fixed number of retransmissions. So its timer is left
//! alone, and the very datagrams of the flight are sent again from here: a client that has received
//! some of them drops those as replays and takes the others.

use std::time::{Duration, Instant};

use super::record::{HANDSHAKE, HEADER_LEN};

/// Beyond the round trip of a bad line, well below the 1 s after which clients retransmit.
const FIRST_WAIT: Duration = Duration::from_millis(400);
const LONGEST_WAIT: Duration = Duration::from_secs(3);

/// Handshake type that is never retransmitted: the client repeats its ClientHello instead
/// (RFC 6347 §4.2.1).
const HELLO_VERIFY_REQUEST: u8 = 3;

/// The server's last flight of the handshake.
#[derive(Default)]
pub(super) struct Flight {
    datagrams: Vec<Vec<u8>>,
    timer: Option<Timer>,
}

struct Timer {
    at: Instant,
    wait: Duration,
}

impl Flight {
    /// Takes note of what was just sent; a new flight replaces the last one.
    pub(super) fn sent(&mut self, now: Instant, datagrams: &[Vec<u8>]) {
        let Some(first) = datagrams.first() else {
            return;
        };
        if first.first() != Some(&HANDSHAKE) {
            return;
        }
        self.datagrams = datagrams.to_vec();
        let repeats = first.get(HEADER_LEN) != Some(&HELLO_VERIFY_REQUEST);
        self.timer = repeats.then_some(Timer {
            at: now + FIRST_WAIT,
            wait: FIRST_WAIT,
        });
    }

    pub(super) fn resend_at(&self) -> Option<Instant> {
        self.timer.as_ref().map(|timer| timer.at)
    }

    /// The flight again, if it is due.
    pub(super) fn resend(&mut self, now: Instant) -> Vec<Vec<u8>> {
        match &mut self.timer {
            Some(timer) if timer.at <= now => {
                timer.wait = (timer.wait * 2).min(LONGEST_WAIT);
                timer.at = now + timer.wait;
                self.datagrams.clone()
            }
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(content: u8, handshake: u8) -> Vec<u8> {
        let mut record = vec![content];
        record.resize(HEADER_LEN, 0);
        record.push(handshake);
        record
    }

    #[test]
    fn a_flight_is_repeated_ever_more_slowly() {
        let mut now = Instant::now();
        let mut flight = Flight::default();
        flight.sent(now, &[record(HANDSHAKE, 2), record(HANDSHAKE, 11)]);
        assert!(flight.resend(now).is_empty());
        let mut waits = Vec::new();
        for _ in 0..5 {
            let due = flight.resend_at().unwrap();
            waits.push((due - now).as_millis());
            now = due;
            assert_eq!(flight.resend(now).len(), 2);
        }
        assert_eq!(waits, [400, 800, 1600, 3000, 3000]);
    }

    #[test]
    fn hello_verify_request_and_alerts_are_not_repeated() {
        let now = Instant::now();
        let mut flight = Flight::default();
        flight.sent(now, &[record(HANDSHAKE, HELLO_VERIFY_REQUEST)]);
        assert_eq!(flight.resend_at(), None);
        flight.sent(now, &[record(HANDSHAKE, 2)]);
        flight.sent(now, &[record(21, 2)]);
        flight.sent(now, &[]);
        assert_eq!(flight.resend(now + FIRST_WAIT), [record(HANDSHAKE, 2)]);
    }
}
