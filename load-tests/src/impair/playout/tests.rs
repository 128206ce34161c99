use super::*;

const MS: Duration = Duration::from_millis(1);
const DELAY: Duration = Duration::from_millis(20);

/// Frames of three packets every 33 ms from just before two wraps, and a line that delays by 20 ms.
struct Scene {
    start: Instant,
    tape: Tape,
    log: Vec<Sighting>,
}

impl Scene {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            tape: Tape::default(),
            log: Vec::new(),
        }
    }

    fn mark(&mut self, at: Duration, payload_type: u8, number: u32) {
        let (per_frame, ticks) = match payload_type {
            VIDEO_PAYLOAD_TYPE => (3, 2970),
            _ => (1, 960),
        };
        self.tape.marks.push(Mark {
            at: self.start + at,
            ssrc: u32::from(payload_type),
            sequence: 65_530_u16.wrapping_add(number as u16),
            timestamp: (u32::MAX - 5000).wrapping_add(number / per_frame * ticks),
            marker: number % per_frame == per_frame - 1,
            payload_type,
            size: 1000,
        });
    }

    /// The packet that was marked last arrives.
    fn sight(&mut self, at: Duration) {
        let mark = self.tape.marks.last().unwrap();
        self.log.push(Sighting {
            at: self.start + at,
            ssrc: mark.ssrc,
            sequence: mark.sequence,
            timestamp: mark.timestamp,
            layer: None,
        });
    }

    /// `arrives` gives the delay of a packet.
    fn video(&mut self, frames: u32, arrives: impl Fn(u32) -> Option<Duration>) {
        for number in 0..frames * 3 {
            let at = 33 * MS * (number / 3);
            self.mark(at, VIDEO_PAYLOAD_TYPE, number);
            if let Some(delay) = arrives(number) {
                self.sight(at + delay);
            }
        }
    }

    fn audio(&mut self, packets: u32, arrives: impl Fn(u32) -> Option<Duration>) {
        for number in 0..packets {
            let at = 20 * MS * number;
            self.mark(at, AUDIO_PAYLOAD_TYPE, number);
            if let Some(delay) = arrives(number) {
                self.sight(at + delay);
            }
        }
    }

    fn judge(&mut self, length: Duration) -> Playout {
        self.judge_from(self.start, self.start + length)
    }

    fn judge_from(&mut self, begin: Instant, end: Instant) -> Playout {
        self.tape.marks.sort_by_key(|mark| mark.at);
        self.log.sort_by_key(|sighting| sighting.at);
        let recording = Recording {
            tape: &self.tape,
            log: &self.log,
            sections: &[],
        };
        judge(recording, begin, end)
    }
}

#[test]
fn a_clean_line_freezes_nothing() {
    let mut scene = Scene::new();
    scene.video(100, |_| Some(DELAY));
    scene.audio(165, |_| Some(DELAY));
    let playout = scene.judge(33 * MS * 100);
    let shown = &playout.sources[0];
    // The tape's first frame may be half a frame.
    assert_eq!((shown.frames, shown.frames_complete), (99, 99));
    assert_eq!((shown.freezes, shown.longest_freeze), (0, Duration::ZERO));
    assert_eq!((playout.audio_packets, playout.audio_concealed), (165, 0));
    assert_eq!((playout.media_bytes, playout.repair_bytes), (465_000, 0));
}

#[test]
fn a_late_repair_holds_up_what_follows() {
    let mut scene = Scene::new();
    scene.video(100, |number| {
        Some(if number == 151 { 320 * MS } else { DELAY })
    });
    let playout = scene.judge(33 * MS * 100);
    let shown = &playout.sources[0];
    assert_eq!(shown.frames_complete, 99);
    assert_eq!((shown.freezes, shown.longest_freeze), (1, 333 * MS));
    assert_eq!(shown.frozen, shown.longest_freeze);
}

#[test]
fn a_lost_packet_costs_its_frame() {
    let mut scene = Scene::new();
    scene.video(100, |number| {
        (number != 151 && number / 30 != 8).then_some(DELAY)
    });
    let playout = scene.judge(33 * MS * 100);
    let shown = &playout.sources[0];
    assert_eq!((shown.frames, shown.frames_complete), (99, 88));
    // Ten frames in a row are missing; a single one is no freeze.
    assert_eq!((shown.freezes, shown.longest_freeze), (1, 11 * 33 * MS));
}

#[test]
fn a_line_that_stays_dead_is_one_long_freeze() {
    let mut scene = Scene::new();
    scene.video(100, |number| (number < 30).then_some(DELAY));
    let playout = scene.judge(33 * MS * 100);
    let shown = &playout.sources[0];
    assert_eq!(shown.longest_freeze, 33 * MS * 91 - DELAY);
}

#[test]
fn a_source_that_the_answer_names_and_nobody_sends_is_frozen_or_paused() {
    let mut scene = Scene::new();
    scene.audio(200, |_| Some(DELAY));
    let section = Accepted {
        kind: Kind::Video,
        payload_type: VIDEO_PAYLOAD_TYPE,
        rtx: None,
        ssrcs: (Some(7), None),
        name: Some("camera".to_owned()),
    };
    let playout = |tape| {
        let recording = Recording {
            tape,
            log: &[],
            sections: std::slice::from_ref(&section),
        };
        judge(recording, scene.start, scene.start + 4000 * MS)
    };
    let paused = &playout(&scene.tape).sources[0];
    assert_eq!((paused.name.as_str(), paused.freezes), ("camera", 0));
    assert_eq!(paused.paused, 4000 * MS);
    let frozen = &playout(&Tape::default()).sources[0];
    assert_eq!((frozen.freezes, frozen.longest_freeze), (1, 4000 * MS));
}

#[test]
fn what_entered_before_the_window_is_not_judged() {
    let mut scene = Scene::new();
    scene.video(100, |number| (number > 20).then_some(DELAY));
    scene.mark(331 * MS, VIDEO_PAYLOAD_TYPE, 20);
    scene.mark(40 * MS, VIDEO_PAYLOAD_TYPE, 1);
    let begin = scene.start + 330 * MS;
    let playout = scene.judge_from(begin, scene.start + 3300 * MS);
    let shown = &playout.sources[0];
    assert_eq!((shown.frames, shown.frames_complete), (90, 90));
    assert_eq!((playout.media_bytes, playout.repair_bytes), (270_000, 1000));
}

#[test]
fn sound_is_concealed_when_it_is_late_or_never_comes() {
    let mut scene = Scene::new();
    scene.audio(100, |number| match number {
        7 => None,
        8 => Some(DELAY + 201 * MS),
        9 => Some(DELAY + 199 * MS),
        _ => Some(DELAY),
    });
    let playout = scene.judge(2000 * MS);
    assert_eq!((playout.audio_packets, playout.audio_concealed), (100, 2));
}

#[test]
fn sound_that_was_never_sent_is_missed() {
    let mut scene = Scene::new();
    scene.audio(100, |_| Some(DELAY));
    scene.tape.marks.retain(|mark| mark.sequence != 4);
    assert_eq!(scene.judge(2000 * MS).audio_concealed, 1);
}

#[test]
fn repairs_are_what_is_sent_again_or_of_another_kind() {
    let mut scene = Scene::new();
    scene.video(100, |_| Some(DELAY));
    scene.mark(40 * MS, VIDEO_PAYLOAD_TYPE, 1);
    scene.mark(45 * MS, 97, 1);
    let playout = scene.judge(33 * MS * 100);
    assert_eq!((playout.media_bytes, playout.repair_bytes), (300_000, 2000));
}
