//! One lesson: a publisher, its viewers, and what they found. Works against any WHIP/WHEP server.

mod admission;

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use url::Url;

use crate::client::{Abilities, Door, Identity, Resource, Srtp};
use crate::publisher::{self, Programme, Publisher, PublisherReport};
use crate::viewer::{self, Attention, Crowd, Sample, ViewerReport};
use admission::AdmissionError;

/// How long the publisher's handshake may take.
const PUBLISHER_PATIENCE: Duration = Duration::from_secs(10);
/// After the last viewer asked, how long the slowest may take to its first picture.
const VIEWER_PATIENCE: Duration = Duration::from_secs(15);
/// How long packets under way and repairs are waited for at the end.
const DRAIN: Duration = Duration::from_millis(500);

/// How to get in and watch.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where to watch.
    pub whep: Url,
    /// The bearer token for publishing and watching.
    pub token: Option<String>,
    /// Whether certificates of the HTTP server are not checked.
    pub insecure: bool,
    /// Video sections in each viewer's offer.
    pub videos: usize,
    /// Audio sections in each viewer's offer.
    pub audios: usize,
    /// What protects the viewers' media.
    pub srtp: Srtp,
    /// What else the viewers offer.
    pub abilities: Abilities,
    /// How closely the viewers look.
    pub attention: Attention,
}

/// What is published, and where.
pub struct Publication {
    /// The WHIP endpoint.
    pub whip: Url,
    /// What is published.
    pub programme: Programme,
}

/// Why a lesson did not take place.
#[derive(Debug, thiserror::Error)]
pub enum LessonError {
    /// A client was not admitted.
    #[error("{who} was not admitted: {why}")]
    Admission {
        /// Which client.
        who: String,
        /// Why.
        why: AdmissionError,
    },
    /// The publisher was admitted but did not come through.
    #[error("the publisher failed: {0}")]
    Publisher(String),
    /// The viewers' thread.
    #[error(transparent)]
    Crowd(#[from] viewer::CrowdError),
    /// Threads, sockets or HTTP could not be set up.
    #[error("the generator could not start: {0}")]
    Start(String),
}

/// Everything that was found.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The publishers' parts, as far as they were ours.
    pub publishers: Vec<PublisherReport>,
    /// The viewers' parts. Those that were refused are missing.
    pub viewers: Vec<ViewerReport>,
    /// Viewers that were to join.
    pub wanted: usize,
    /// Why viewers did not get through.
    pub failures: Vec<String>,
    /// Second by second.
    pub seconds: Vec<Sample>,
}

/// A lesson under way.
pub struct Lesson {
    plan: Plan,
    runtime: Runtime,
    identity: Identity,
    http: reqwest::Client,
    publishers: Vec<Publisher>,
    wanted: usize,
    crowd: Crowd,
    notices: Receiver<viewer::Notice>,
    publisher_notices: Receiver<publisher::Notice>,
    resources: Vec<Resource>,
    failures: Vec<String>,
    seconds: Vec<Sample>,
}

impl Lesson {
    /// Publishes, and returns when the server has each publisher's first packets coming.
    pub fn start(plan: Plan, publications: Vec<Publication>) -> Result<Self, LessonError> {
        let start = |error: &dyn std::fmt::Display| LessonError::Start(error.to_string());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|error| start(&error))?;
        let http = reqwest::Client::builder()
            .danger_accept_invalid_certs(plan.insecure)
            .timeout(Duration::from_secs(10))
            .build()
            .map_err(|error| start(&error))?;
        let identity = Identity::generate().map_err(|error| start(&error))?;
        let (to_us, notices) = channel();
        let crowd = Crowd::start(to_us)?;
        let (publisher_to_us, publisher_notices) = channel();
        let mut lesson = Self {
            runtime,
            identity,
            http,
            publishers: Vec::new(),
            wanted: 0,
            crowd,
            notices,
            publisher_notices,
            resources: Vec::new(),
            failures: Vec::new(),
            seconds: Vec::new(),
            plan,
        };
        for Publication { whip, programme } in publications {
            let door = lesson.door(whip);
            let publisher = async { admission::publish(&door, &lesson.identity, &programme).await };
            let (stand, resource) =
                lesson
                    .runtime
                    .block_on(publisher)
                    .map_err(|why| LessonError::Admission {
                        who: "the publisher".to_owned(),
                        why,
                    })?;
            lesson.resources.push(resource);
            let publisher = Publisher::start(stand, programme, publisher_to_us.clone())
                .map_err(|error| start(&error))?;
            lesson.publishers.push(publisher);
            lesson.await_publisher()?;
        }
        Ok(lesson)
    }

    /// Lets more viewers join, their requests spread evenly over `within`, and returns when each has its picture or has failed
    /// or is given up. Each second that passes is told to `each`.
    pub fn join(
        &mut self,
        viewers: usize,
        within: Duration,
        mut each: impl FnMut(&Sample),
    ) -> Result<(), LessonError> {
        let first = self.wanted;
        self.wanted += viewers;
        let door = self.door(self.plan.whep.clone());
        let mut joins = JoinSet::new();
        let begin = tokio::time::Instant::now();
        for place in 0..viewers {
            let index = first + place;
            let (door, identity, plan) = (door.clone(), self.identity.clone(), self.plan.clone());
            let at = begin + within.mul_f64(place as f64 / viewers as f64);
            joins.spawn_on(
                async move {
                    tokio::time::sleep_until(at).await;
                    (
                        index,
                        admission::watch(index, &door, &identity, &plan).await,
                    )
                },
                self.runtime.handle(),
            );
        }
        let mut settled = 0;
        let deadline = Instant::now() + within + VIEWER_PATIENCE;
        while settled < viewers && Instant::now() < deadline {
            while let Some(Ok((index, joined))) = joins.try_join_next() {
                match joined {
                    Ok((seat, resource)) => {
                        self.resources.push(resource);
                        self.crowd.join(seat)?;
                    }
                    Err(why) => {
                        settled += 1;
                        self.failures.push(format!("viewer {index}: {why}"));
                    }
                }
            }
            settled += self.listen(Duration::from_millis(5), &mut each)?;
        }
        Ok(())
    }

    /// Begins a new window for delays and gaps.
    pub fn reset_window(&self) -> Result<(), LessonError> {
        Ok(self.crowd.reset_window()?)
    }

    /// Lets time pass.
    pub fn run(
        &mut self,
        duration: Duration,
        mut each: impl FnMut(&Sample),
    ) -> Result<(), LessonError> {
        let end = Instant::now() + duration;
        loop {
            let rest = end.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return Ok(());
            }
            self.listen(rest, &mut each)?;
        }
    }

    /// What each admitted viewer has found so far.
    pub fn viewers(&self) -> Result<Vec<ViewerReport>, LessonError> {
        Ok(self.crowd.report()?)
    }

    /// Packets that have arrived at all viewers so far.
    pub fn packets(&self) -> Result<u64, LessonError> {
        Ok(self
            .crowd
            .report()?
            .iter()
            .map(|viewer| viewer.packets)
            .sum())
    }

    /// What each publisher has done so far.
    pub fn publishers(&self) -> Vec<PublisherReport> {
        self.publishers.iter().map(Publisher::report).collect()
    }

    /// Ends the lesson: the publisher falls silent, what is under way arrives, sessions are deleted.
    pub fn finish(mut self) -> Result<Outcome, LessonError> {
        self.publishers.iter().for_each(Publisher::pause);
        self.run(DRAIN, |_| {})?;
        let viewers = self.crowd.report()?;
        let publishers = self.publishers();
        self.publishers.clear();
        let failures = viewers.iter().filter_map(|viewer| {
            Some(format!(
                "viewer {}: {}",
                viewer.viewer,
                viewer.failure.as_ref()?
            ))
        });
        self.failures.extend(failures);
        let resources = std::mem::take(&mut self.resources);
        self.runtime.block_on(async {
            let mut deletions: JoinSet<()> = resources.into_iter().map(Resource::delete).collect();
            while deletions.join_next().await.is_some() {}
        });
        Ok(Outcome {
            publishers,
            viewers,
            wanted: self.wanted,
            failures: self.failures,
            seconds: self.seconds,
        })
    }

    fn door(&self, endpoint: Url) -> Door {
        Door::new(self.http.clone(), endpoint, self.plan.token.clone())
    }

    fn await_publisher(&mut self) -> Result<(), LessonError> {
        match self.publisher_notices.recv_timeout(PUBLISHER_PATIENCE) {
            Ok(publisher::Notice::Connected) => Ok(()),
            Ok(publisher::Notice::Failed(why)) => Err(LessonError::Publisher(why)),
            Err(_) => Err(LessonError::Publisher(
                "no connection within ten seconds".to_owned(),
            )),
        }
    }

    /// Hears one notice, if one comes in time; gives how many viewers it settles.
    fn listen(
        &mut self,
        wait: Duration,
        each: &mut impl FnMut(&Sample),
    ) -> Result<usize, LessonError> {
        if let Ok(publisher::Notice::Failed(why)) = self.publisher_notices.try_recv() {
            return Err(LessonError::Publisher(why));
        }
        // Failures of the publisher are looked for at least this often.
        match self
            .notices
            .recv_timeout(wait.min(Duration::from_millis(100)))
        {
            Ok(viewer::Notice::Second(sample)) => {
                each(&sample);
                self.seconds.push(sample);
                Ok(0)
            }
            Ok(viewer::Notice::Picture(_) | viewer::Notice::Failed(..)) => Ok(1),
            Ok(viewer::Notice::Connected(_)) | Err(RecvTimeoutError::Timeout) => Ok(0),
            Err(RecvTimeoutError::Disconnected) => Err(viewer::CrowdError::Gone.into()),
        }
    }
}
