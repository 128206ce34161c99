//! A watcher and what it has seen.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use participant::watch::{self, Statistics, Watcher};
use participant::{Door, Kind, Mailbox, Platform};

use crate::school::{School, number};

/// Enough that no media is dropped for want of reading.
const QUEUE: usize = 1 << 20;

pub struct Room {
    watcher: Watcher,
    events: Mailbox<watch::Event>,
    pub host: IpAddr,
    pub connections: u32,
    pub frames: Vec<watch::Frame>,
    pub packets: Vec<watch::Packet>,
    pub refusals: Vec<u16>,
}

impl Room {
    pub fn enter(platform: Platform, host: IpAddr, door: Door, config: watch::Config) -> Self {
        let config = watch::Config {
            queue: QUEUE,
            ..config
        };
        let (watcher, events) = Watcher::start_on(platform, door, config);
        Self {
            watcher,
            events,
            host,
            connections: 0,
            frames: Vec::new(),
            packets: Vec::new(),
            refusals: Vec::new(),
        }
    }

    /// Takes note of what has happened since the last time.
    pub fn look(&mut self) {
        while let Some(event) = self.events.try_next() {
            match event {
                watch::Event::Connected => self.connections += 1,
                watch::Event::Frame(frame) => self.frames.push(frame),
                watch::Event::Packet(packet) => self.packets.push(packet),
                watch::Event::Refused(refusal) => self.refusals.push(refusal.status),
                _ => {}
            }
        }
    }

    /// Pictures, without sound.
    pub fn pictures(&mut self) -> Vec<&watch::Frame> {
        self.look();
        let is_video = |frame: &&watch::Frame| frame.slot.kind == Kind::Video;
        self.frames.iter().filter(is_video).collect()
    }

    pub fn sounds(&mut self) -> usize {
        self.look();
        self.frames.len() - self.pictures().len()
    }

    pub fn picture_statistics(&self) -> Statistics {
        self.watcher.statistics()[0].clone()
    }

    pub fn sound_statistics(&self) -> Statistics {
        self.watcher.statistics()[1].clone()
    }

    /// Packets lost for good, come twice, and dropped here, picture and sound.
    pub fn trouble(&self) -> (u64, u64, u64) {
        let all = self.watcher.statistics();
        let sum = |of: fn(&Statistics) -> u64| all.iter().map(of).sum();
        (
            sum(|slot| slot.packets_lost),
            sum(|slot| slot.packets_duplicate),
            sum(|slot| slot.overflowed),
        )
    }

    /// How long each picture took from being written to being complete here.
    pub fn delays(&mut self, school: &School, since: Instant) -> Vec<Duration> {
        let sent = school.pictures();
        let delay = |frame: &watch::Frame| {
            let at = sent[number(&frame.data) as usize].at;
            (at >= since).then(|| frame.arrived.duration_since(at))
        };
        self.pictures().into_iter().filter_map(delay).collect()
    }

    /// Every picture from the first one on is here, in order and to the byte, and the first one is a keyframe.
    ///
    /// # Panics
    ///
    /// When that is not so, or the newest picture was sent over half a second ago.
    pub fn assert_whole(&mut self, school: &School) {
        let (sent, host) = (school.pictures(), self.host);
        let seen = self.pictures();
        let first = seen.first().unwrap_or_else(|| panic!("{host} saw nothing"));
        assert!(first.keyframe, "{host} began without a keyframe");
        let begin = number(&first.data) as usize;
        for (frame, at) in seen.iter().zip(begin..) {
            assert_eq!(number(&frame.data) as usize, at, "{host} missed a picture");
            assert_eq!(frame.data, sent[at].data, "{host} got a damaged picture");
            let expected = at == begin;
            assert_eq!(frame.discontinuity, expected, "{host}, picture {at}");
        }
        let newest = sent[begin + seen.len() - 1].at;
        let age = participant::simulated::now() - newest;
        assert!(
            age < Duration::from_millis(500),
            "{host} stopped {age:?} ago"
        );
    }

    pub async fn close(self) {
        self.watcher.close().await;
    }
}
