//! The HTTP side without sockets: requests go into the router, and what is meant for media workers into a mailbox
//! that nobody reads.

mod cors;
mod events;
mod operations;
mod pages;
mod sessions;
mod statuses;

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use prometheus_client::collector::Collector;
use protocol::{Claims, Problem, Role, Source};
use relay_transport::Identity;
use tower::ServiceExt;

use super::*;
use crate::config::{Config, Files, Settings};
use crate::control::Door;
use crate::counters::Counters;
use crate::lines::Kept;
use crate::metrics::{self, Media};
use crate::tokens::Key;
use crate::worker::{Mail, Mailbox, Wake};

const KEY: &str = "a key of more than thirty-two bytes";
const SDP: &str = "application/sdp";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &Path) -> std::io::Result<String> {
        Err(std::io::ErrorKind::NotFound.into())
    }
    fn is_dir(&self, path: &Path) -> bool {
        path.is_dir()
    }
}

fn config(text: &str) -> Config {
    let settings = Settings::file(Path::new("test.toml"), text).unwrap();
    Config::build(&settings, &NoFiles, NonZeroUsize::MIN).unwrap()
}

fn keyed() -> Config {
    config(&format!(
        "lessons = [\"demo\", \"other\"]\n[auth]\nkey = \"{KEY}\"\n"
    ))
}

/// What stands behind the HTTP side.
struct Behind {
    readiness: Readiness,
    /// Kept open, so that sessions find a worker.
    mailbox: Mailbox,
    counters: Arc<Counters>,
}

/// The relay's HTTP side with `config`, and what stands behind it.
fn relay(config: &Config) -> (App, Behind) {
    let (post, mailbox) = Mailbox::new(Wake::Task(Arc::default()));
    let counters = Arc::<Counters>::default();
    let door = Door {
        post,
        candidates: vec![relay_transport::Path::udp(
            "127.0.0.1:8500".parse().unwrap(),
        )],
        counters: counters.clone(),
    };
    let identity = Arc::new(Identity::generate().unwrap());
    let control = Control::new(identity, vec![door], config.media.max_sessions);
    let readiness = Readiness::new();
    let lines = metrics::Lines::new(control.lines().clone(), Kept::default());
    let metrics = Metrics::new([
        Box::new(Media(control.clone())) as Box<dyn Collector>,
        Box::new(lines),
    ]);
    let app = App::new(config, control, readiness.clone(), metrics);
    (
        app,
        Behind {
            readiness,
            mailbox,
            counters,
        },
    )
}

fn token(role: Role, lesson: &str, seat: &str, sources: Option<&[Source]>, valid: i64) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let claims = Claims {
        sub: seat.parse().unwrap(),
        role,
        lesson: lesson.parse().unwrap(),
        sources: sources.map(<[Source]>::to_vec),
        exp: now.saturating_add_signed(valid),
    };
    Key::new(KEY.into()).unwrap().sign(&claims).unwrap()
}

/// A request to be.
#[derive(Clone)]
struct Ask {
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

fn ask(method: Method, path: &str) -> Ask {
    Ask {
        method,
        path: path.into(),
        headers: Vec::new(),
        body: Bytes::new(),
    }
}

fn post(path: &str) -> Ask {
    ask(Method::POST, path)
        .with("content-type", SDP)
        .body("v=0\r\n")
}

impl Ask {
    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.into()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self
    }

    fn by(self, token: impl AsRef<str>) -> Self {
        self.with("authorization", format!("Bearer {}", token.as_ref()))
    }

    fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    async fn of(&self, relay: &App) -> Answer {
        self.sending(relay, Body::from(self.body.clone())).await
    }

    async fn sending(&self, relay: &App, body: Body) -> Answer {
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(&self.path);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let response = app(relay.clone())
            .oneshot(request.body(body).unwrap())
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The problem details, checked for agreeing with the status and for saying something.
    fn problem(&self) -> Problem {
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem: Problem = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem.status, self.status.as_u16());
        assert!(problem.kind.starts_with("/problems/"), "{problem:?}");
        assert!(problem.detail.contains(' '), "{problem:?}");
        problem
    }
}
