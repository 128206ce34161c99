//! The bell: many rooms join a running lesson at once, and some watch already.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::bench::{Server, ServerError};
use crate::client::{Abilities, Srtp};
use crate::lesson::{Lesson, LessonError, Plan, Publication};
use crate::publisher::{Pacing, Programme, PublisherReport};
use crate::summary::Spread;
use crate::viewer::{Attention, Percentiles, ViewerReport};

/// Everybody who comes, comes within this time.
const JOIN_WITHIN: Duration = Duration::from_secs(1);
/// After somebody has joined, until everything is steady: the estimates of lines are, too.
const SETTLE: Duration = Duration::from_secs(4);
/// How long those who watch are watched before the bell.
const BEFORE: Duration = Duration::from_secs(5);
/// Handshakes and first pictures are over by then.
const AFTER: Duration = Duration::from_secs(2);
const SOURCES: [&str; 2] = ["camera", "courseware"];

/// What to play.
#[derive(Debug, Clone)]
pub struct Bell {
    /// Rooms that join.
    pub rooms: usize,
    /// Rooms that watch already.
    pub watching: usize,
    /// How the publishers send.
    pub pacing: Pacing,
    /// What the rooms offer.
    pub abilities: Abilities,
    /// The relay's executable.
    pub relay: PathBuf,
}

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub struct Verdict {
    /// Rooms that joined.
    pub rooms: usize,
    /// Rooms that watched already.
    pub watching: usize,
    /// Of those that joined, how many had no picture.
    pub rooms_without_picture: usize,
    /// From asking to the first whole keyframe of camera or courseware.
    pub first_picture_ms: Option<Spread>,
    /// From asking to whole keyframes of both.
    pub both_pictures_ms: Option<Spread>,
    /// Keyframe requests that reached the publishers because of the bell.
    pub keyframe_requests_upstream: usize,
    /// The shortest time between two such requests for one layer, in the whole lesson; nothing where it was asked for less
    /// than twice.
    pub per_layer_min_interval_ms: BTreeMap<String, Option<f64>>,
    /// Source to arrival at those who watched already.
    pub watching_delay_p99_ms: Watching,
    /// Packets that never arrived at them.
    pub watching_packets_lost: u64,
}

/// The 99th percentile in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Watching {
    /// Before the bell.
    pub before: Option<f64>,
    /// From the bell until all who came are served.
    pub during: Option<f64>,
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum BellError {
    /// The relay did not start.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The lesson did not take place.
    #[error(transparent)]
    Lesson(#[from] LessonError),
}

impl Bell {
    /// Plays the lesson.
    pub fn run(&self) -> Result<Verdict, BellError> {
        let server = Server::relay(&self.relay)?;
        let plan = Plan {
            whep: server.lesson(),
            token: None,
            insecure: false,
            videos: SOURCES.len(),
            audios: 1,
            srtp: Srtp::Gcm,
            abilities: self.abilities,
            attention: Attention::Sample,
        };
        let programmes = [
            Programme::camera(self.pacing),
            Programme::courseware(self.pacing),
        ];
        let publications = SOURCES.into_iter().zip(programmes);
        let publications = publications.map(|(source, programme)| Publication {
            whip: server.whip(source),
            programme,
        });
        let mut lesson = Lesson::start(plan, publications.collect())?;
        lesson.run(Duration::from_secs(1), |_| {})?;
        lesson.join(self.watching, JOIN_WITHIN, |_| {})?;
        lesson.run(SETTLE, |_| {})?;
        lesson.reset_window()?;
        lesson.run(BEFORE, |_| {})?;
        let before = delay_p99(&lesson.viewers()?);
        let asked_before = requests(&lesson.publishers());
        lesson.reset_window()?;
        lesson.join(self.rooms, JOIN_WITHIN, |_| {})?;
        lesson.run(AFTER, |_| {})?;
        let outcome = lesson.finish()?;
        let is_watching = |viewer: &&ViewerReport| viewer.viewer < self.watching;
        let (watching, joined): (Vec<_>, Vec<_>) = outcome.viewers.iter().partition(is_watching);
        let first = joined.iter().filter_map(|viewer| viewer.first_picture_ms);
        let both = joined.iter().filter_map(|viewer| viewer.all_pictures_ms);
        Ok(Verdict {
            rooms: self.rooms,
            watching: self.watching,
            rooms_without_picture: self.rooms - first.clone().count(),
            first_picture_ms: Spread::of(first),
            both_pictures_ms: Spread::of(both),
            keyframe_requests_upstream: requests(&outcome.publishers) - asked_before,
            per_layer_min_interval_ms: spacings(&outcome.publishers),
            watching_delay_p99_ms: Watching {
                before,
                during: delay_p99(watching.iter().copied()),
            },
            watching_packets_lost: watching.iter().map(|viewer| viewer.packets_lost).sum(),
        })
    }
}

fn requests(publishers: &[PublisherReport]) -> usize {
    let layers = publishers.iter().flat_map(|publisher| &publisher.layers);
    layers.map(|layer| layer.keyframe_requests).sum()
}

fn spacings(publishers: &[PublisherReport]) -> BTreeMap<String, Option<f64>> {
    let publishers = SOURCES.into_iter().zip(publishers);
    let layers = publishers
        .flat_map(|(source, publisher)| publisher.layers.iter().map(move |layer| (source, layer)));
    layers
        .map(|(source, layer)| {
            let name = format!("{source}/{}", layer.rid);
            (name, layer.keyframe_request_spacing_ms)
        })
        .collect()
}

fn delay_p99<'a>(viewers: impl IntoIterator<Item = &'a ViewerReport>) -> Option<f64> {
    Percentiles::merged(viewers).map(|delay| delay.p99)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publisher::LayerReport;

    #[test]
    fn requests_are_told_by_source_and_layer() {
        let layer = |rid, keyframe_requests, keyframe_request_spacing_ms| LayerReport {
            rid,
            keyframe_requests,
            keyframe_request_spacing_ms,
        };
        let publisher = |layers| PublisherReport {
            layers,
            ..PublisherReport::default()
        };
        let publishers = [
            publisher(vec![layer("h", 3, Some(501.0)), layer("l", 1, None)]),
            publisher(vec![layer("h", 2, Some(700.0))]),
        ];
        assert_eq!(requests(&publishers), 6);
        let spacings = spacings(&publishers);
        assert_eq!(spacings["camera/h"], Some(501.0));
        assert_eq!(spacings["camera/l"], None);
        assert_eq!(spacings["courseware/h"], Some(700.0));
    }
}
