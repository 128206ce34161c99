//! Who speaks, by the audio levels that senders put into their packets (RFC 6464). For highlighting: it decides nothing else.

use std::time::{Duration, Instant};

/// Somebody is heard from here on, in dB above the least that a level can say: −50 dBov.
const AUDIBLE: f32 = 77.0;
/// So much louder than the speaker somebody has to be …
const LOUDER: f32 = 6.0;
/// … for so long, to be the speaker instead.
const INSIST: Duration = Duration::from_millis(300);
/// A speaker stays one for so long after falling silent: people breathe.
const BREATH: Duration = Duration::from_millis(1_500);
/// A louder level is believed within so many seconds, a lower one more slowly.
const ATTACK: f32 = 0.05;
const DECAY: f32 = 0.4;
/// Senders that transmit nothing while it is silent are taken to be silent after so long.
const GAP: Duration = Duration::from_millis(200);

/// An audio level (RFC 6464 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(u8);

impl Level {
    /// From the extension's first octet; the flag for voice activity is left out, because not every sender sets it.
    pub fn parse(extension: &[u8]) -> Option<Self> {
        extension.first().map(|octet| Self(octet & 0x7f))
    }

    /// How loud, from 0 for silence to 127.
    fn loudness(self) -> f32 {
        f32::from(127 - self.0)
    }
}

#[derive(Debug, Clone)]
struct Voice<K> {
    who: K,
    loudness: f32,
    at: Instant,
    /// Since when it has been louder than the speaker.
    insists: Option<Instant>,
}

/// Finds the speaker among those who are on the stage.
#[derive(Debug, Clone)]
pub struct Speaker<K> {
    voices: Vec<Voice<K>>,
    active: Option<K>,
    /// When the speaker was audible last.
    heard: Option<Instant>,
}

impl<K> Default for Speaker<K> {
    fn default() -> Self {
        Self {
            voices: Vec::new(),
            active: None,
            heard: None,
        }
    }
}

impl<K: Clone + PartialEq> Speaker<K> {
    /// A packet's level.
    pub fn hear(&mut self, now: Instant, who: &K, level: Level) {
        let target = level.loudness();
        match self.voices.iter_mut().find(|voice| voice.who == *who) {
            Some(voice) => {
                let passed = now.saturating_duration_since(voice.at).min(GAP);
                let constant = if target > voice.loudness {
                    ATTACK
                } else {
                    DECAY
                };
                let weight = 1.0 - (-passed.as_secs_f32() / constant).exp();
                voice.loudness += (target - voice.loudness) * weight;
                voice.at = now;
            }
            None => self.voices.push(Voice {
                who: who.clone(),
                loudness: 0.0,
                at: now,
                insists: None,
            }),
        }
    }

    /// Somebody is not on the stage any more.
    pub fn forget(&mut self, who: &K) {
        self.voices.retain(|voice| voice.who != *who);
        if self.active.as_ref() == Some(who) {
            self.active = None;
        }
    }

    /// Who speaks now, if anybody does. To be asked a few times a second.
    pub fn active(&mut self, now: Instant) -> Option<&K> {
        let is_active = |voice: &Voice<K>| self.active.as_ref() == Some(&voice.who);
        let speaker = self.voices.iter().find(|voice| is_active(voice));
        let level = speaker.map_or(0.0, |voice| voice.loudness_at(now));
        if level >= AUDIBLE {
            self.heard = Some(now);
        }
        let needed = AUDIBLE.max(level + LOUDER);
        for voice in &mut self.voices {
            let is_louder =
                self.active.as_ref() != Some(&voice.who) && voice.loudness_at(now) >= needed;
            voice.insists = is_louder.then(|| voice.insists.unwrap_or(now));
        }
        let next = self
            .voices
            .iter()
            .filter(|voice| {
                let insists = voice.insists;
                insists.is_some_and(|since| now.saturating_duration_since(since) >= INSIST)
            })
            .max_by(|a, b| a.loudness.total_cmp(&b.loudness))
            .map(|voice| voice.who.clone());
        if let Some(next) = next {
            self.active = Some(next);
            self.heard = Some(now);
        } else if self
            .heard
            .is_none_or(|heard| now.saturating_duration_since(heard) >= BREATH)
        {
            self.active = None;
        }
        self.active.as_ref()
    }
}

impl<K> Voice<K> {
    fn loudness_at(&self, now: Instant) -> f32 {
        if now.saturating_duration_since(self.at) > GAP {
            0.0
        } else {
            self.loudness
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets every 20 ms with these levels, in −dBov, for so long; who speaks is asked every 100 ms.
    struct Room {
        now: Instant,
        speaker: Speaker<u8>,
        told: Vec<Option<u8>>,
    }

    impl Room {
        fn new() -> Self {
            Self {
                now: Instant::now(),
                speaker: Speaker::default(),
                told: vec![None],
            }
        }

        fn sound(&mut self, levels: &[(u8, u8)], ms: u64) -> &[Option<u8>] {
            for tick in 0..ms / 20 {
                self.now += Duration::from_millis(20);
                for (who, level) in levels {
                    self.speaker.hear(self.now, who, Level(*level));
                }
                if tick % 5 == 0 {
                    let active = self.speaker.active(self.now).copied();
                    if self.told.last() != Some(&active) {
                        self.told.push(active);
                    }
                }
            }
            &self.told[1..]
        }
    }

    #[test]
    fn the_one_who_speaks_is_found_and_let_go_after_a_breath() {
        let mut room = Room::new();
        assert_eq!(room.sound(&[(1, 127), (2, 70)], 2_000), []);
        assert_eq!(room.sound(&[(1, 25), (2, 70)], 1_000), [Some(1)]);
        assert_eq!(room.sound(&[(1, 127), (2, 70)], 1_000), [Some(1)]);
        assert_eq!(room.sound(&[(1, 127), (2, 70)], 2_000), [Some(1), None]);
    }

    #[test]
    fn a_cough_takes_nothing_over_and_talk_does() {
        let mut room = Room::new();
        room.sound(&[(1, 30), (2, 127)], 1_000);
        room.sound(&[(1, 30), (2, 10)], 200);
        assert_eq!(room.sound(&[(1, 30), (2, 127)], 1_000), [Some(1)]);
        assert_eq!(room.sound(&[(1, 30), (2, 10)], 1_000), [Some(1), Some(2)]);
    }

    #[test]
    fn two_who_are_about_as_loud_do_not_alternate() {
        let mut room = Room::new();
        room.sound(&[(1, 30)], 1_000);
        for _ in 0..10 {
            room.sound(&[(1, 31), (2, 28)], 400);
            room.sound(&[(1, 28), (2, 31)], 400);
        }
        assert_eq!(room.told, [None, Some(1)]);
    }

    #[test]
    fn who_sends_nothing_is_silent_and_who_leaves_is_forgotten() {
        let mut room = Room::new();
        room.sound(&[(1, 30), (2, 127)], 1_000);
        assert_eq!(room.sound(&[(2, 127)], 3_000), [Some(1), None]);
        room.sound(&[(1, 30)], 1_000);
        room.speaker.forget(&1);
        assert_eq!(room.speaker.active(room.now), None);
    }

    #[test]
    fn the_flag_is_no_part_of_the_level() {
        assert_eq!(Level::parse(&[0x9e]), Some(Level(30)));
        assert_eq!(Level::parse(&[0x1e, 0xff]), Some(Level(30)));
        assert_eq!(Level::parse(&[]), None);
    }
}
