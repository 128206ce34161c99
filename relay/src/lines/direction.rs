//! One direction of a seat's line: the sessions that carry it, one after the other or overlapping, and what they amount to.

use std::time::{Duration, Instant};

use protocol::line::Figures;
use protocol::record::{Totals, WorstMinute};
use relay_core::key::SessionKey;
use relay_core::line::{Hop, Reading};

use super::recent::{Recent, Sum};
use super::wall::{Wall, millis};

/// What the figures are taken over: short enough to follow, long enough to be read.
const RECENTLY: Duration = Duration::from_secs(5);
const MINUTE: Duration = Duration::from_secs(60);
/// The time that a reading is about.
const SECOND: Duration = Duration::from_secs(1);
/// A minute with fewer packets says nothing about loss.
const MEANINGFUL: u64 = 100;

/// See the module.
#[derive(Debug)]
pub struct Direction {
    sessions: Vec<Carrier>,
    minute: Recent,
    total: Sum,
    seconds: u64,
    resent: u64,
    round_trip_sum: Duration,
    round_trips: u32,
    round_trip_max: Option<Duration>,
    jitter_max: Option<Duration>,
    estimate_min: Option<u64>,
    worst: Option<WorstMinute>,
    left: Option<Left>,
}

/// A session that carries it.
#[derive(Debug)]
pub struct Carrier {
    key: SessionKey,
    connected: Option<Instant>,
    recent: Recent,
    last: Option<Reading>,
    /// Media went over it when the client was heard last.
    flows: bool,
}

/// The last session is gone.
#[derive(Debug, Clone, Copy)]
pub struct Left {
    /// When it was heard last.
    pub at: Instant,
    /// Whether the client or the relay ended it, rather than the line.
    pub on_purpose: bool,
}

impl Default for Direction {
    fn default() -> Self {
        Self {
            sessions: Vec::new(),
            minute: Recent::new(MINUTE),
            total: Sum::default(),
            seconds: 0,
            resent: 0,
            round_trip_sum: Duration::ZERO,
            round_trips: 0,
            round_trip_max: None,
            jitter_max: None,
            estimate_min: None,
            worst: None,
            left: None,
        }
    }
}

impl Direction {
    /// A session begins.
    pub fn opened(&mut self, key: SessionKey) {
        self.sessions.push(Carrier {
            key,
            connected: None,
            recent: Recent::new(RECENTLY),
            last: None,
            flows: false,
        });
    }

    /// Its handshake is complete.
    pub fn connected(&mut self, now: Instant, key: SessionKey) {
        if let Some(carrier) = self.sessions.iter_mut().find(|c| c.key == key) {
            carrier.connected = Some(now);
            self.left = None;
        }
    }

    /// A session is gone.
    pub fn closed(&mut self, now: Instant, key: SessionKey, on_purpose: bool) {
        let Some(at) = self.sessions.iter().position(|c| c.key == key) else {
            return;
        };
        let carrier = self.sessions.remove(at);
        // One that never connected leaves nothing behind.
        if self.carrier(now).is_none() && carrier.connected.is_some() {
            self.left = Some(Left {
                at: now.checked_sub(carrier.silence(now)).unwrap_or(now),
                // One that a new session replaces after a cut is not ended by choice.
                on_purpose: on_purpose && !carrier.is_silent(now),
            });
        }
    }

    /// Takes in a reading. Returns whether it is of the session that counts at present.
    pub fn read(&mut self, wall: &Wall, reading: &Reading) -> bool {
        let at = reading.at;
        let Some(carrier) = self.sessions.iter_mut().find(|c| c.key == reading.session) else {
            return false;
        };
        let sum = Sum {
            packets: reading.packets,
            bytes: reading.bytes,
            lost: lost(reading),
            unrepaired: match reading.hop {
                Hop::Uplink { unrepaired } => unrepaired,
                Hop::Downlink { .. } => 0,
            },
        };
        carrier.recent.add(at, sum);
        if reading.silence.is_none_or(|silence| silence < SECOND) {
            carrier.flows = reading.packets > 0;
        }
        carrier.last = Some(reading.clone());
        let counts = self.carrier(at).is_some_and(|c| c.key == reading.session);
        if counts {
            self.total(wall, reading, sum);
        }
        counts
    }

    /// The session that counts: the newest one whose client is heard, else the newest.
    pub fn carrier(&self, now: Instant) -> Option<&Carrier> {
        self.sessions
            .iter()
            .filter(|c| c.connected.is_some())
            .max_by_key(|c| (!c.is_silent(now), c.connected, c.key))
    }

    /// How the last session went, while there is none.
    pub fn left(&self) -> Option<Left> {
        self.left
    }

    /// Whether any session is there, connected or about to be.
    pub fn is_open(&self) -> bool {
        !self.sessions.is_empty()
    }

    /// Everything up to now. `unrepaired` is what players told, where it is theirs to tell.
    pub fn totals(&self, unrepaired: Option<u64>) -> Totals {
        let lost = Sum {
            unrepaired: unrepaired.unwrap_or(self.total.unrepaired),
            ..self.total
        };
        Totals {
            seconds: self.seconds,
            packets: lost.packets,
            bytes: lost.bytes,
            loss_percent: rounded(lost.loss_percent(), 2),
            loss_after_repair_percent: Some(rounded(lost.unrepaired_percent(), 2)),
            resent: self.resent,
            round_trip_ms_mean: self
                .round_trip_sum
                .checked_div(self.round_trips)
                .map(whole_millis),
            round_trip_ms_max: self.round_trip_max.map(whole_millis),
            jitter_ms_max: self.jitter_max.map(whole_millis),
            estimate_bps_min: self.estimate_min,
            worst_minute: self.worst,
        }
    }

    fn total(&mut self, wall: &Wall, reading: &Reading, sum: Sum) {
        let total = &mut self.total;
        total.packets = total.packets.saturating_add(sum.packets);
        total.bytes = total.bytes.saturating_add(sum.bytes);
        total.lost = total.lost.saturating_add(sum.lost);
        total.unrepaired = total.unrepaired.saturating_add(sum.unrepaired);
        self.seconds += 1;
        self.resent = self.resent.saturating_add(reading.resent);
        if let Some(round_trip) = reading.round_trip {
            self.round_trip_sum = self.round_trip_sum.saturating_add(round_trip);
            self.round_trips = self.round_trips.saturating_add(1);
        }
        self.round_trip_max = self.round_trip_max.max(reading.round_trip);
        self.jitter_max = self.jitter_max.max(reading.jitter);
        self.estimate_min = match (self.estimate_min, reading.estimate) {
            (Some(least), Some(estimate)) => Some(least.min(estimate)),
            (least, estimate) => least.or(estimate),
        };
        self.minute.add(reading.at, sum);
        let minute = self.minute.sum(reading.at);
        let loss_percent = rounded(minute.loss_percent(), 2);
        let least = self.worst.map_or(0.0, |worst| worst.loss_percent);
        if minute.packets >= MEANINGFUL && loss_percent > least {
            self.worst = Some(WorstMinute {
                until_unix_ms: wall.unix_ms(reading.at),
                loss_percent,
            });
        }
    }
}

impl Carrier {
    /// How long the client has not been heard at `now`.
    pub fn silence(&self, now: Instant) -> Duration {
        match &self.last {
            // A reading that is due counts as silence, too: its worker has other worries.
            Some(last) => {
                let old = now.saturating_duration_since(last.at);
                last.silence
                    .map_or(old, |silence| silence.saturating_add(old))
            }
            None => Duration::ZERO,
        }
    }

    /// Whether the client has not been heard for longer than any client is silent by itself.
    pub fn is_silent(&self, now: Instant) -> bool {
        let is_uplink = matches!(
            &self.last,
            Some(Reading {
                hop: Hop::Uplink { .. },
                ..
            })
        );
        let patience = match (self.flows, is_uplink) {
            // Media and its sender reports come all the time.
            (true, true) => Duration::from_secs(2),
            // Feedback on media comes about once a second.
            (true, false) => Duration::from_secs(3),
            // Without media there are consent checks, about every five seconds (RFC 7675 §5.1).
            (false, _) => Duration::from_secs(8),
        };
        self.silence(now) >= patience
    }

    /// Since when it is connected.
    pub fn connected(&self) -> Option<Instant> {
        self.connected
    }

    /// Its latest reading.
    pub fn last(&self) -> Option<&Reading> {
        self.last.as_ref()
    }

    /// The sums of the last seconds.
    pub fn sum(&self, now: Instant) -> Sum {
        self.recent.sum(now)
    }

    /// Its figures. `after_repair` is the loss after repair in percent, where it is known.
    pub fn figures(&self, now: Instant, after_repair: Option<f64>) -> Figures {
        let sum = self.recent.sum(now);
        let last = self.last.as_ref();
        Figures {
            rate_bps: sum.bytes.saturating_mul(8) / self.recent.seconds(now),
            loss_percent: rounded(sum.loss_percent(), 1),
            loss_after_repair_percent: after_repair.map(|percent| rounded(percent, 2)),
            round_trip_ms: last.and_then(|last| last.round_trip).map(whole_millis),
            jitter_ms: last.and_then(|last| last.jitter).map(whole_millis),
        }
    }
}

/// Packets missing before any repair. A viewer without RTX is sent the same bytes again, with the same transport-wide number, so that
/// its feedback takes back every loss that was repaired: then what had to be sent again tells more.
fn lost(reading: &Reading) -> u64 {
    match reading.hop {
        Hop::Uplink { .. } => reading.lost,
        Hop::Downlink { .. } => reading.lost.max(reading.resent.min(reading.packets)),
    }
}

/// Rounded to so many decimals.
fn rounded(value: f64, decimals: i32) -> f64 {
    let scale = 10f64.powi(decimals);
    (value * scale).round() / scale
}

fn whole_millis(duration: Duration) -> u32 {
    u32::try_from(millis(duration)).unwrap_or(u32::MAX)
}
