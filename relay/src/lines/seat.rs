//! One seat's line: its sessions, what they read, what is told of it, and what is kept for the record.

mod evidence;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use protocol::line::{Downlink, Line, Listener, Playback, Shown, Slot, Uplink};
use protocol::record::{LineRecord, UplinkRecord};
use protocol::{Role, SeatId, Source};
use relay_core::key::SessionKey;
use relay_core::line::{Hop, Reading, Shown as Sent};

use super::direction::{Carrier, Direction};
use super::history::History;
use super::judge::{School, judge};
use super::recent::Sum;
use super::steady::Steady;
use super::wall::Wall;

/// Players report every two seconds; their last three reports are recent.
const PLAYED_RECENTLY: Duration = Duration::from_secs(6);
/// Reports kept at most, however fast they come.
const MOST_REPORTS: usize = 16;
/// A page that is loaded again is back after less.
const LEAVES_AFTER: Duration = Duration::from_secs(5);
/// Who is not back by then, but tries to be, has been cut off, even if its client ended the session when it noticed.
const RETURNS_WITHIN: Duration = Duration::from_secs(3);
/// A client that tries to come back tries again within this.
const TRIES_AGAIN: Duration = Duration::from_secs(10);
/// Who has been cut off for so long is not waited for any more.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(300);

/// What a session is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Side {
    /// It sends this source.
    Publishing(Source),
    /// It receives these slots; those with a name are pictures.
    Watching(Vec<Option<String>>),
}

/// See the module.
#[derive(Debug)]
pub struct Seat {
    role: Role,
    came: Option<Instant>,
    /// When a session was last begun.
    tried: Option<Instant>,
    downlink: Option<Direction>,
    slots: HashMap<SessionKey, Vec<Option<String>>>,
    uplinks: BTreeMap<Source, Direction>,
    played: Option<Playback>,
    reports: VecDeque<(Instant, Playback)>,
    cut: Option<Instant>,
    restored: Option<(Instant, Duration)>,
    steady: Steady,
    history: History,
}

/// Whether somebody is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    /// A session is heard; it was heard last at this time.
    Heard(Instant),
    /// There are sessions, or there were, but nothing has been heard since.
    Cut(Instant),
    /// Nobody is there, and nobody is expected.
    Absent,
}

impl Seat {
    /// A seat whose first session is about to come.
    pub fn new(role: Role) -> Self {
        Self {
            role,
            came: None,
            tried: None,
            downlink: None,
            slots: HashMap::new(),
            uplinks: BTreeMap::new(),
            played: None,
            reports: VecDeque::new(),
            cut: None,
            restored: None,
            steady: Steady::default(),
            history: History::default(),
        }
    }

    /// A session begins.
    pub fn opened(&mut self, now: Instant, key: SessionKey, side: Side) {
        self.tried = Some(now);
        match side {
            Side::Publishing(source) => {
                if source != Source::Room {
                    self.role = Role::Teacher;
                }
                self.uplinks.entry(source).or_default().opened(key);
            }
            Side::Watching(slots) => {
                self.downlink.get_or_insert_default().opened(key);
                self.slots.insert(key, slots);
            }
        }
    }

    /// A session's handshake is complete.
    pub fn connected(&mut self, now: Instant, key: SessionKey) {
        self.came.get_or_insert(now);
        for direction in self.directions_mut() {
            direction.connected(now, key);
        }
    }

    /// A session is gone.
    pub fn closed(&mut self, now: Instant, key: SessionKey, on_purpose: bool) {
        self.slots.remove(&key);
        for direction in self.directions_mut() {
            direction.closed(now, key, on_purpose);
        }
    }

    /// Takes in a reading.
    pub fn read(&mut self, wall: &Wall, reading: &Reading) {
        match &reading.hop {
            Hop::Uplink { .. } => {
                for direction in self.uplinks.values_mut() {
                    direction.read(wall, reading);
                }
            }
            Hop::Downlink { .. } => {
                let Some(downlink) = &mut self.downlink else {
                    return;
                };
                if downlink.read(wall, reading) {
                    let pictures = pictures(&self.slots, reading);
                    self.history.layers(wall, reading.at, &pictures);
                }
            }
        }
    }

    /// A player has counted more.
    pub fn played(&mut self, now: Instant, more: &Playback) {
        let sum = self.played.unwrap_or_default().plus(more);
        self.played = Some(sum);
        self.reports.push_back((now, *more));
        while self.reports.len() > MOST_REPORTS {
            self.reports.pop_front();
        }
    }

    /// Whether any session is there, connected or about to be.
    pub fn is_open(&self) -> bool {
        self.directions().any(Direction::is_open)
    }

    /// Whether there is anything to remember it for.
    pub fn has_come(&self) -> bool {
        self.came.is_some()
    }

    /// The sessions that carry what it publishes, and how they are.
    pub fn sources(&self, now: Instant) -> impl Iterator<Item = (SessionKey, School)> {
        self.uplinks
            .values()
            .filter_map(move |direction| direction.carrier(now))
            .filter_map(move |carrier| {
                let session = carrier.last()?.session;
                let cut = carrier.is_silent(now).then(|| carrier.silence(now));
                let sum = carrier.sum(now);
                Some((session, School { cut, sum }))
            })
    }

    /// Looks at everything again. Returns the line as its owner is told of it, if somebody is there or expected.
    pub fn review(
        &mut self,
        now: Instant,
        wall: &Wall,
        name: &SeatId,
        sources: &HashMap<SessionKey, School>,
        overloaded: bool,
    ) -> Option<Line> {
        self.came?;
        let cut = match self.presence(now) {
            Presence::Absent => {
                self.end_outage(now, wall);
                return None;
            }
            Presence::Heard(at) => {
                self.end_outage(at, wall);
                None
            }
            Presence::Cut(since) => {
                let since = *self.cut.get_or_insert(since);
                Some(now.saturating_duration_since(since))
            }
        };
        let pictures = self.pictures(now);
        let evidence = self.evidence(now, &pictures, sources, cut, overloaded);
        let found = judge(&evidence);
        let situation = self.steady.observe(now, found);
        self.history.situation(wall, now, situation);
        Some(Line {
            seat: name.clone(),
            role: self.role,
            grade: situation.grade(),
            hop: situation.hop(),
            situation,
            sentence: situation.sentence(Listener::Owner),
            downlink: self.downlink(now, pictures),
            uplinks: self.uplinks(now),
            playback: self.played,
            outages: self.history.outages(cut),
        })
    }

    /// What is kept of it.
    pub fn record(&mut self, now: Instant, wall: &Wall, name: &SeatId) -> Option<LineRecord> {
        let came = self.came?;
        self.end_outage(now, wall);
        let lost = self.played.map(|played| played.packets_lost);
        let downlink = self.downlink.as_ref().map(|direction| {
            let mut totals = direction.totals(lost);
            // What stays missing after repair only players know.
            totals.loss_after_repair_percent =
                totals.loss_after_repair_percent.filter(|_| lost.is_some());
            totals
        });
        let uplinks = self.uplinks.iter().map(|(source, direction)| UplinkRecord {
            source: *source,
            totals: direction.totals(None),
        });
        Some(LineRecord {
            seat: name.clone(),
            role: self.role,
            from_unix_ms: wall.unix_ms(came),
            downlink,
            uplinks: uplinks.collect(),
            playback: self.played,
            outages: self.history.outages.clone(),
            layers: self.history.layers.clone(),
            situations: self.history.situations.clone(),
            omitted: self.history.omitted,
        })
    }

    fn directions(&self) -> impl Iterator<Item = &Direction> {
        self.downlink.iter().chain(self.uplinks.values())
    }

    fn directions_mut(&mut self) -> impl Iterator<Item = &mut Direction> {
        self.downlink.iter_mut().chain(self.uplinks.values_mut())
    }

    fn carriers(&self, now: Instant) -> impl Iterator<Item = &Carrier> {
        self.directions()
            .filter_map(move |direction| direction.carrier(now))
    }

    fn presence(&self, now: Instant) -> Presence {
        let heard = self.carriers(now).filter(|carrier| !carrier.is_silent(now));
        let heard = heard.filter_map(|carrier| now.checked_sub(carrier.silence(now)));
        if let Some(at) = heard.max() {
            return Presence::Heard(at);
        }
        let silent = self
            .carriers(now)
            .filter_map(|carrier| now.checked_sub(carrier.silence(now)));
        if let Some(since) = silent.max() {
            return Presence::Cut(since);
        }
        let left = self.directions().filter_map(Direction::left);
        let tries = |since: Instant| {
            self.tried.is_some_and(|tried| {
                tried >= since && now.saturating_duration_since(tried) < TRIES_AGAIN
            })
        };
        match left.max_by_key(|left| left.at) {
            Some(left) => {
                let ago = now.saturating_duration_since(left.at);
                match left.on_purpose {
                    true if ago >= RETURNS_WITHIN && tries(left.at) => Presence::Cut(left.at),
                    true if ago < LEAVES_AFTER => Presence::Heard(left.at),
                    false if ago < GIVEN_UP_AFTER => Presence::Cut(left.at),
                    _ => Presence::Absent,
                }
            }
            None => Presence::Absent,
        }
    }

    fn end_outage(&mut self, at: Instant, wall: &Wall) {
        if let Some(since) = self.cut.take() {
            let lasted = at.saturating_duration_since(since);
            if self.history.outage(wall, since, lasted) {
                self.restored = Some((at, lasted));
            }
        }
    }

    fn played_recently(&self, now: Instant) -> Option<Playback> {
        self.reports
            .iter()
            .filter(|(at, _)| now.saturating_duration_since(*at) < PLAYED_RECENTLY)
            .map(|(_, more)| *more)
            .reduce(|sum, more| sum.plus(&more))
    }

    fn pictures(&self, now: Instant) -> Vec<Slot> {
        let carrier = self.downlink.as_ref().and_then(|d| d.carrier(now));
        let last = carrier.and_then(Carrier::last);
        last.map(|reading| pictures(&self.slots, reading))
            .unwrap_or_default()
    }

    fn downlink(&self, now: Instant, slots: Vec<Slot>) -> Option<Downlink> {
        let carrier = self.downlink.as_ref()?.carrier(now)?;
        let after_repair = self.played_recently(now).map(|played| {
            Sum {
                unrepaired: played.packets_lost,
                ..carrier.sum(now)
            }
            .unrepaired_percent()
        });
        Some(Downlink {
            figures: carrier.figures(now, after_repair),
            estimate_bps: carrier.last().and_then(|last| last.estimate),
            slots,
        })
    }

    fn uplinks(&self, now: Instant) -> Vec<Uplink> {
        let carriers = self
            .uplinks
            .iter()
            .filter_map(|(source, direction)| Some((*source, direction.carrier(now)?)));
        carriers
            .map(|(source, carrier)| Uplink {
                source,
                figures: carrier.figures(now, Some(carrier.sum(now).unrepaired_percent())),
            })
            .collect()
    }
}

/// The pictures of a viewer's reading, by name.
fn pictures(names: &HashMap<SessionKey, Vec<Option<String>>>, reading: &Reading) -> Vec<Slot> {
    let (Hop::Downlink { slots }, Some(names)) = (&reading.hop, names.get(&reading.session)) else {
        return Vec::new();
    };
    slots
        .iter()
        .filter_map(|slot| {
            let name = names.get(usize::from(slot.slot))?.clone()?;
            let shown = match slot.shown {
                Sent::Empty => return None,
                Sent::Paused => Shown::Paused,
                Sent::Layer { index, of } => Shown::Layer {
                    layer: index,
                    layers: of,
                },
            };
            Some(Slot { slot: name, shown })
        })
        .collect()
}
