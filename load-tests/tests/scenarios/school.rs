//! A publisher that goes on by itself.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use participant::{AudioFormat, Door, Mailbox, Platform, VideoFormat, publish, simulated};
use tokio::task::JoinSet;

/// What a school shows.
#[derive(Debug, Clone, Copy)]
pub struct Clip {
    /// Between two pictures. Sound comes with them, at most every 20 ms.
    pub interval: Duration,
    /// Bytes of a keyframe.
    pub keyframe: usize,
    /// Bytes of every other picture.
    pub picture: usize,
}

impl Clip {
    /// 30 pictures a second in about six packets each: 1.5 Mbit/s.
    pub const SMALL: Self = Self {
        interval: Duration::from_micros(33_333),
        keyframe: 20_000,
        picture: 6_000,
    };
}

/// A publication and what was published.
pub struct School {
    publisher: publish::Publisher,
    lesson: Arc<Mutex<Lesson>>,
    pub host: IpAddr,
    _task: JoinSet<()>,
}

#[derive(Default)]
struct Lesson {
    /// Every picture written, by its number.
    pictures: Vec<Sent>,
    connected: bool,
    asked: Vec<Instant>,
}

/// A picture as it was written.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Annex B.
    pub data: Bytes,
    pub at: Instant,
}

impl School {
    pub fn open(platform: Platform, host: IpAddr, door: Door, clip: Clip) -> Self {
        let config = publish::Config {
            video: Some(VideoFormat::H264 {
                profile_level_id: 0x42_e0_33,
            }),
            audio: Some(AudioFormat::Opus { channels: 2 }),
            ..publish::Config::default()
        };
        let (publisher, events) = publish::Publisher::start_on(platform, door, config);
        let lesson = Arc::default();
        let mut task = JoinSet::new();
        let play = Play {
            video: publisher.video().unwrap(),
            audio: publisher.audio().unwrap(),
            events,
            clip,
            lesson: Arc::clone(&lesson),
        };
        task.spawn(play.run());
        Self {
            publisher,
            lesson,
            host,
            _task: task,
        }
    }

    /// What was published so far.
    pub fn pictures(&self) -> Vec<Sent> {
        self.lesson.lock().unwrap().pictures.clone()
    }

    pub fn is_connected(&self) -> bool {
        self.lesson.lock().unwrap().connected
    }

    /// When the relay asked for keyframes. The first request is the participant's own, for being connected.
    pub fn asked(&self) -> Vec<Instant> {
        self.lesson.lock().unwrap().asked[1..].to_vec()
    }

    pub fn statistics(&self) -> publish::Statistics {
        self.publisher.statistics()
    }

    pub async fn close(self) {
        self.publisher.close().await;
    }
}

struct Play {
    video: publish::FrameWriter,
    audio: publish::FrameWriter,
    events: Mailbox<publish::Event>,
    clip: Clip,
    lesson: Arc<Mutex<Lesson>>,
}

impl Play {
    async fn run(mut self) {
        let start = tokio::time::Instant::now();
        let mut keyframe = true;
        for number in 0.. {
            let due = start + self.clip.interval * number;
            loop {
                tokio::select! {
                    () = tokio::time::sleep_until(due) => break,
                    Some(event) = self.events.next() => keyframe |= self.notice(&event),
                }
            }
            keyframe |= number.is_multiple_of(60);
            self.show(number, keyframe);
            keyframe = false;
        }
    }

    /// Returns whether a keyframe is needed.
    fn notice(&self, event: &publish::Event) -> bool {
        let mut lesson = self.lesson.lock().unwrap();
        match event {
            publish::Event::Connected => lesson.connected = true,
            publish::Event::Disconnected { .. } => lesson.connected = false,
            publish::Event::KeyframeRequested { .. } => {
                lesson.asked.push(simulated::now());
                return true;
            }
            _ => {}
        }
        false
    }

    fn show(&mut self, number: u32, keyframe: bool) {
        let len = match keyframe {
            true => self.clip.keyframe,
            false => self.clip.picture,
        };
        let data = picture(number, keyframe, len);
        let frame = |payload, keyframe| publish::Frame {
            payload,
            timestamp: self.clip.interval * number,
            keyframe,
            captured: simulated::wall_clock(),
        };
        let _ = self.video.write(frame(data.clone(), keyframe));
        let pictures_per_sound = 20_000 / self.clip.interval.as_micros().min(20_000) as u32;
        if number.is_multiple_of(pictures_per_sound) {
            let sound = [&[0xFC][..], &nibbles(number), &[7; 60]].concat();
            let _ = self.audio.write(frame(sound.into(), true));
        }
        let mut lesson = self.lesson.lock().unwrap();
        lesson.pictures.push(Sent {
            data,
            at: simulated::now(),
        });
    }
}

const PARAMETER_SETS: [u8; 14] = [0, 0, 0, 1, 0x67, 1, 2, 0, 0, 0, 1, 0x68, 1, 2];

/// An access unit that says which one it is.
fn picture(number: u32, keyframe: bool, len: usize) -> Bytes {
    let mut access_unit = match keyframe {
        true => PARAMETER_SETS.to_vec(),
        false => Vec::new(),
    };
    access_unit.extend([0, 0, 0, 1, if keyframe { 0x65 } else { 0x41 }, 0x88]);
    access_unit.extend(nibbles(number));
    let mut fill = number;
    while access_unit.len() < len {
        fill = fill.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        access_unit.push((fill >> 24) as u8 | 1);
    }
    access_unit.into()
}

/// The number of an access unit.
pub fn number(access_unit: &[u8]) -> u32 {
    let slice = match access_unit.starts_with(&PARAMETER_SETS) {
        true => &access_unit[PARAMETER_SETS.len()..],
        false => access_unit,
    };
    slice[6..14]
        .iter()
        .fold(0, |number, nibble| number << 4 | u32::from(nibble & 0x0F))
}

/// Digits that never look like a start code.
fn nibbles(number: u32) -> [u8; 8] {
    std::array::from_fn(|at| 0x10 | (number >> (28 - 4 * at)) as u8 & 0x0F)
}
