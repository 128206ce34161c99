//! Everything of a running demo, from the first publisher to the verdict.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::DemoError;
use super::interrupt::Interrupt;
use super::relay::Relay;
use super::room::{Kind, Room, Slot};
use super::school::{SOURCES, School};
use super::standing::Standing;
use super::table::Table;
use super::verdict::{self, Offered, Outcome, Service};
use crate::lesson::{Lesson, Outcome as Received};
use crate::summary::Spread;
use crate::viewer::{Percentiles, ViewerReport, histogram};

/// Between two looks at everything.
const LOOK: Duration = Duration::from_millis(100);
/// Between two tables.
const SECOND: Duration = Duration::from_secs(1);
/// How long decoders may take with what is under way when the school has ended.
const DRAIN: Duration = Duration::from_millis(2_500);

/// Everybody. Dropping it ends the rooms, then the school, then the relay.
pub struct Stage {
    pub lesson: Lesson,
    pub rooms: Vec<Room>,
    pub school: School,
    pub relay: Relay,
    pub interrupt: Interrupt,
    /// Rooms of `lesson`.
    pub receiving: usize,
}

impl Stage {
    /// Lets time pass until `done`, at most `patience`.
    pub fn wait(
        &mut self,
        patience: Duration,
        mut done: impl FnMut(&Self) -> bool,
    ) -> Result<(), DemoError> {
        let deadline = Instant::now() + patience;
        while !done(self) && Instant::now() < deadline {
            self.look()?;
            if self.interrupt.asked() {
                return Err(DemoError::Interrupted);
            }
        }
        Ok(())
    }

    /// Shows the rooms for `length`, or until interrupted, and judges.
    pub fn play(
        mut self,
        length: Option<Duration>,
        table: &mut Table,
    ) -> Result<Outcome, DemoError> {
        let begun = Instant::now();
        let mut before = Before::of(self.lesson.viewers()?);
        let at_first = before.packets.clone();
        let mut shown = Rates::default();
        let mut next = begun + SECOND;
        while !self.interrupt.asked() && length.is_none_or(|length| begun.elapsed() < length) {
            self.look()?;
            if Instant::now() >= next {
                next += SECOND;
                let reports = self.lesson.viewers()?;
                let standings = self.standings(&reports, &before);
                table.show(begun.elapsed(), &standings)?;
                shown.add(&standings);
                before = Before::of(reports);
            }
        }
        let elapsed = begun.elapsed();
        self.school.stop();
        let drained = Instant::now() + DRAIN;
        while Instant::now() < drained {
            self.lesson.run(LOOK, |_| {})?;
        }
        self.judge(begun, elapsed, &at_first, &shown, table)
    }

    /// A moment passes; it is an error when it takes the relay or the school with it.
    fn look(&mut self) -> Result<(), DemoError> {
        self.lesson.run(LOOK, |_| {})?;
        match self.relay.ended().or_else(|| self.school.ended()) {
            Some(why) => Err(DemoError::Ended(why)),
            None => Ok(()),
        }
    }

    /// All rooms in the order of their numbers.
    fn standings(&self, reports: &[ViewerReport], before: &Before) -> Vec<Standing> {
        let decoding = self
            .rooms
            .iter()
            .map(|room| Standing::decoding(room.report().as_ref()));
        let receiving = (0..self.receiving).map(|index| {
            let report = reports.iter().find(|report| report.viewer == index);
            report.map_or_else(Standing::default, |report| {
                let bytes = before.bytes.get(&index).copied().unwrap_or(0);
                Standing::receiving(report, bytes, before.at.elapsed().as_secs_f64())
            })
        });
        decoding.chain(receiving).collect()
    }

    fn judge(
        self,
        begun: Instant,
        elapsed: Duration,
        at_first: &HashMap<usize, u64>,
        rates: &Rates,
        table: &mut Table,
    ) -> Result<Outcome, DemoError> {
        let Stage {
            lesson,
            mut rooms,
            school,
            receiving,
            ..
        } = self;
        let received = lesson.finish()?;
        let mut not_served = Vec::new();
        let services: Vec<Service> = rooms
            .iter_mut()
            .map(|room| service(room, &school))
            .collect();
        for (index, service) in services.iter().enumerate() {
            not_served.extend(
                service
                    .why_not
                    .as_ref()
                    .map(|why| format!("room {}: {why}", index + 1)),
            );
        }
        let sent = school.packets_since(begun);
        for index in 0..receiving {
            let why = match received
                .viewers
                .iter()
                .find(|report| report.viewer == index)
            {
                Some(report) => {
                    let earlier = at_first.get(&index).copied().unwrap_or(0);
                    verdict::receiving(report, report.packets_received - earlier, sent)
                }
                None => Some(refusal(&received, index)),
            };
            not_served.extend(why.map(|why| format!("room {}: {why}", rooms.len() + index + 1)));
        }

        let decoding = rooms
            .iter()
            .map(|room| Standing::decoding(room.report().as_ref()));
        let others = (0..receiving).map(|index| {
            let report = received
                .viewers
                .iter()
                .find(|report| report.viewer == index);
            report.map_or_else(Standing::default, |report| {
                Standing::receiving(report, report.bytes, 1.0)
            })
        });
        let mut standings: Vec<Standing> = decoding.chain(others).collect();
        // Nothing flows any more: what flowed while it did is what is worth showing.
        for (index, standing) in standings.iter_mut().enumerate() {
            standing.mbit = rates.mean(index);
        }
        table.finish(elapsed, &standings)?;
        Ok(outcome(
            elapsed, &standings, &services, &received, not_served,
        ))
    }
}

/// What receiving rooms had a second ago, by their index.
struct Before {
    at: Instant,
    bytes: HashMap<usize, u64>,
    packets: HashMap<usize, u64>,
}

impl Before {
    fn of(reports: Vec<ViewerReport>) -> Self {
        Self {
            at: Instant::now(),
            bytes: reports
                .iter()
                .map(|report| (report.viewer, report.bytes))
                .collect(),
            packets: reports
                .iter()
                .map(|report| (report.viewer, report.packets_received))
                .collect(),
        }
    }
}

/// What flowed to each room, summed up over the seconds of the lesson.
#[derive(Default)]
struct Rates {
    seconds: u32,
    sums: Vec<f64>,
}

impl Rates {
    fn add(&mut self, rooms: &[Standing]) {
        self.seconds += 1;
        self.sums.resize(rooms.len(), 0.0);
        for (sum, room) in self.sums.iter_mut().zip(rooms) {
            *sum += room.mbit;
        }
    }

    fn mean(&self, room: usize) -> f64 {
        self.sums
            .get(room)
            .map_or(0.0, |sum| sum / f64::from(self.seconds))
    }
}

/// How a decoding room was served.
fn service(room: &mut Room, school: &School) -> Service {
    if let Some(why) = room.ended() {
        return Service {
            why_not: Some(why),
            ..Service::default()
        };
    }
    let Some(report) = room.report() else {
        return Service {
            why_not: Some("it never said anything".to_owned()),
            ..Service::default()
        };
    };
    let offered = SOURCES.map(|source| Offered {
        source,
        sound: school.has_sound(source),
    });
    verdict::decoding(&report, &offered, |slot| due(room, school, slot))
}

/// How many frames the school sent in a slot, from the room's first on.
fn due(room: &Room, school: &School, slot: &Slot) -> u64 {
    // The first frame was sent as long before it was decoded as frames usually take to arrive.
    let since_sent = slot
        .first_picture_ms
        .map(|first| first - slot.delay_ms.map_or(0.0, |delay| delay.p50));
    let Some(moment) = since_sent.and_then(|millis| room.moment(millis.max(0.0))) else {
        return 0;
    };
    let sent = school.sent_since(&slot.source, moment);
    let frames = match slot.kind {
        Kind::Video => sent.pictures,
        Kind::Audio => sent.sounds,
    };
    // Moments are known to some milliseconds only; what has arrived was sent for certain.
    frames.max(slot.frames_received)
}

/// Why a receiving room was not admitted.
fn refusal(received: &Received, index: usize) -> String {
    let name = format!("viewer {index}: ");
    let failure = received
        .failures
        .iter()
        .find_map(|failure| failure.strip_prefix(&name));
    failure.unwrap_or("it was not admitted in time").to_owned()
}

fn outcome(
    elapsed: Duration,
    rooms: &[Standing],
    services: &[Service],
    received: &Received,
    not_served: Vec<String>,
) -> Outcome {
    let mut delays = histogram();
    for viewer in &received.viewers {
        delays.add(&viewer.delay).expect("the bounds are the same");
    }
    let of_services = |figure: fn(&Service) -> u64| services.iter().map(figure).collect();
    Outcome {
        rooms: rooms.len(),
        rooms_connected: rooms.iter().filter(|room| room.connected).count(),
        packets_expected: rooms.iter().map(|room| room.packets_expected).sum(),
        packets_lost: rooms.iter().map(|room| room.packets_lost).sum(),
        frames_decoded: of_services(|service| service.frames_decoded),
        frames_sent: of_services(|service| service.frames_sent),
        audio_ms_decoded: of_services(|service| service.audio_ms_decoded),
        audio_ms_sent: of_services(|service| service.audio_ms_sent),
        first_picture_ms: Spread::of(rooms.iter().filter_map(|room| room.first_picture_ms)),
        delay_ms: Percentiles::of(&delays).map(Into::into),
        jitter_ms: Spread::of(rooms.iter().map(|room| room.jitter_ms)).map(Into::into),
        seconds: elapsed.as_secs_f64(),
        mbit_per_room: rooms.iter().map(|room| room.mbit).sum::<f64>() / rooms.len().max(1) as f64,
        not_served,
    }
}
