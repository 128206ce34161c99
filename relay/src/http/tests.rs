//! The table of statuses. Requests that would reach a media worker are elsewhere.

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use protocol::{Claims, Problem, Role, Source};
use tower::ServiceExt;

use super::*;
use crate::config::{Config, Files, Settings};
use crate::tokens::Key;

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

/// The relay's HTTP side with `config`, and its switch.
fn relay(config: &Config) -> (App, Readiness) {
    let readiness = Readiness::new();
    (
        App::new(config, Control {}, readiness.clone(), Metrics::new([])),
        readiness,
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

#[tokio::test]
async fn every_wrong_request_gets_its_status() {
    let (relay, _) = relay(&keyed());
    let teacher = || token(Role::Teacher, "demo", "centre", None, 60);
    let room = || token(Role::Room, "demo", "room-7", None, 60);
    let narrow = token(Role::Teacher, "demo", "centre", Some(&[Source::Camera]), 60);
    let long = "a".repeat(body::LIMIT + 1);
    let table: Vec<(u16, &str, Ask)> = vec![
        // Who is asking.
        (401, "no-token", post("/whip/demo/camera")),
        (
            401,
            "no-token",
            post("/whip/demo/camera").with("authorization", "Basic dTpw"),
        ),
        (
            401,
            "no-token",
            post("/whip/demo/camera").with("authorization", "Bearer"),
        ),
        (401, "bad-token", post("/whip/demo/camera").by("nonsense")),
        (
            401,
            "bad-token",
            post("/whip/demo/camera").by(token(Role::Teacher, "demo", "centre", None, -3_600)),
        ),
        (401, "no-token", post("/whip/unknown/camera")),
        (401, "no-token", post("/whep/demo")),
        (401, "no-token", post("/whep/demo/camera")),
        (401, "no-token", ask(Method::DELETE, "/session/abc")),
        (401, "no-token", ask(Method::PATCH, "/session/abc")),
        // What the token is for.
        (403, "forbidden", post("/whip/other/camera").by(teacher())),
        (403, "forbidden", post("/whip/demo/room").by(teacher())),
        (403, "forbidden", post("/whip/demo/camera").by(room())),
        (403, "forbidden", post("/whip/demo/courseware").by(&narrow)),
        (
            403,
            "forbidden",
            post("/whip/demo/camera").by(token(Role::Observer, "demo", "o", None, 60)),
        ),
        (
            403,
            "forbidden",
            post("/whip/demo/camera").by(token(Role::Operator, "demo", "o", None, 60)),
        ),
        (
            403,
            "forbidden",
            post("/whip/demo/camera").by(token(Role::Recorder, "demo", "r", None, 60)),
        ),
        (403, "forbidden", post("/whep/other").by(room())),
        (
            403,
            "forbidden",
            post("/whep/demo/room?seat=room-8").by(room()),
        ),
        (
            403,
            "forbidden",
            post("/whep/demo/room?seat=room-8").by(token(Role::Observer, "demo", "o", None, 60)),
        ),
        // What is there.
        (
            404,
            "unknown-lesson",
            post("/whip/unknown/camera").by(token(Role::Teacher, "unknown", "c", None, 60)),
        ),
        (
            404,
            "unknown-lesson",
            post("/whip/de%20mo/camera").by(teacher()),
        ),
        (
            404,
            "unknown-source",
            post("/whip/demo/slides").by(teacher()),
        ),
        (
            404,
            "unknown-source",
            post("/whep/demo/slides").by(teacher()),
        ),
        (
            404,
            "unknown-session",
            ask(Method::DELETE, "/session/abc").by(teacher()),
        ),
        (
            404,
            "unknown-session",
            ask(Method::GET, "/session/abc").by(teacher()),
        ),
        (
            404,
            "unknown-session",
            ask(Method::PATCH, "/session/abc")
                .by(teacher())
                .with("content-type", FRAGMENT),
        ),
        (404, "unknown-page", ask(Method::GET, "/")),
        (404, "unknown-page", ask(Method::GET, "/whip")),
        (404, "unknown-page", ask(Method::POST, "/whip/demo")),
        (
            404,
            "unknown-page",
            ask(Method::GET, "/whip/demo/camera/more"),
        ),
        // How it is said.
        (405, "method", ask(Method::PUT, "/whip/demo/camera")),
        (405, "method", ask(Method::DELETE, "/whip/demo/camera")),
        (405, "method", ask(Method::PATCH, "/whep/demo")),
        (405, "method", ask(Method::PUT, "/whep/demo/camera")),
        (405, "method", ask(Method::POST, "/session/abc")),
        (405, "method", ask(Method::PUT, "/session/abc")),
        (405, "http", ask(Method::POST, "/healthz")),
        (
            415,
            "media-type",
            post("/whip/demo/camera")
                .by(teacher())
                .with("content-type", "text/plain"),
        ),
        (
            415,
            "media-type",
            post("/whip/demo/camera")
                .by(teacher())
                .with("content-type", "application/sdpx"),
        ),
        (
            415,
            "media-type",
            post("/whip/demo/camera")
                .by(teacher())
                .without("content-type"),
        ),
        (
            415,
            "media-type",
            post("/whep/demo")
                .by(room())
                .with("content-type", "application/json"),
        ),
        (
            413,
            "too-large",
            post("/whip/demo/camera").by(teacher()).body(long.clone()),
        ),
        (
            413,
            "too-large",
            post("/whip/demo/camera")
                .by(teacher())
                .with("content-length", "1000000")
                .body("v"),
        ),
        (413, "too-large", post("/whep/demo").by(room()).body(long)),
        (
            400,
            "malformed",
            post("/whip/demo/camera")
                .by(teacher())
                .body(&b"\xff\xfe"[..]),
        ),
        (
            400,
            "malformed",
            post("/whip/demo/camera?seat=a%20b").by(teacher()),
        ),
        (400, "malformed", post("/whep/demo/room").by(teacher())),
        (400, "http", post("/whip/%ff/camera").by(teacher())),
    ];
    for (status, name, request) in table {
        let what = format!("{} {} {:?}", request.method, request.path, request.headers);
        let answer = request.of(&relay).await;
        assert_eq!(answer.status.as_u16(), status, "{what}");
        assert_eq!(answer.problem().kind, format!("/problems/{name}"), "{what}");
        assert_eq!(answer.header("cache-control"), "no-store", "{what}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
    }
}

#[tokio::test]
async fn a_401_says_how_to_authenticate() {
    let (relay, _) = relay(&keyed());
    let relay = &relay;
    let challenge = |request: Ask| async move {
        let answer = request.of(relay).await;
        answer.header("www-authenticate").to_owned()
    };
    assert_eq!(
        challenge(post("/whip/demo/camera")).await,
        "Bearer realm=\"lectern\""
    );
    let bad = challenge(post("/whip/demo/camera").by("x")).await;
    assert_eq!(bad, "Bearer realm=\"lectern\", error=\"invalid_token\"");
}

#[tokio::test]
async fn a_405_says_what_is_allowed() {
    let (relay, _) = relay(&keyed());
    for (path, method, allowed) in [
        ("/whip/demo/camera", Method::PUT, "GET, HEAD, OPTIONS, POST"),
        (
            "/session/x",
            Method::POST,
            "DELETE, GET, HEAD, OPTIONS, PATCH",
        ),
        ("/healthz", Method::POST, "GET,HEAD"),
    ] {
        assert_eq!(
            ask(method, path).of(&relay).await.header("allow"),
            allowed,
            "{path}"
        );
    }
}

#[tokio::test]
async fn endpoints_have_no_representation() {
    let (relay, _) = relay(&keyed());
    for path in ["/whip/demo/camera", "/whep/demo", "/whep/demo/camera"] {
        for method in [Method::GET, Method::HEAD] {
            let answer = ask(method, path).of(&relay).await;
            assert_eq!(
                (answer.status, answer.body.len()),
                (StatusCode::NO_CONTENT, 0),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn browsers_of_other_origins_may_ask_without_a_token_what_is_possible() {
    let (relay, _) = relay(&keyed());
    for (path, method, accepts, kind) in [
        ("/whip/demo/camera", "POST", "accept-post", SDP),
        ("/whep/demo", "POST", "accept-post", SDP),
        ("/whep/demo/camera", "POST", "accept-post", SDP),
        ("/session/x", "PATCH", "accept-patch", FRAGMENT),
        ("/session/x", "DELETE", "accept-patch", FRAGMENT),
    ] {
        let preflight = ask(Method::OPTIONS, path)
            .with("origin", "https://school.example")
            .with("access-control-request-method", method)
            .with(
                "access-control-request-headers",
                "authorization,content-type,if-match",
            );
        let answer = preflight.of(&relay).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.header(accepts), kind, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        assert!(
            answer
                .header("access-control-allow-methods")
                .contains(method),
            "{path}"
        );
        let allowed = answer.header("access-control-allow-headers").to_lowercase();
        assert!(
            ["authorization", "content-type", "if-match"]
                .iter()
                .all(|name| allowed.contains(name)),
            "{path}"
        );
    }
}

#[tokio::test]
async fn scripts_of_other_origins_may_read_refusals_too() {
    let (relay, _) = relay(&keyed());
    let answer = post("/whip/demo/camera").of(&relay).await;
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let exposed = answer.header("access-control-expose-headers");
    assert!(
        ["Location", "ETag", "Link"]
            .iter()
            .all(|name| exposed.contains(name)),
        "{exposed}"
    );
    assert_eq!(
        ask(Method::GET, "/healthz")
            .of(&relay)
            .await
            .header("access-control-allow-origin"),
        ""
    );
}

#[tokio::test]
async fn a_body_that_never_ends_is_given_up() {
    let (app, _) = relay(&config(""));
    let shared = Arc::into_inner(app.shared).unwrap();
    let app = App {
        shared: Arc::new(Shared {
            patience: Duration::ZERO,
            ..shared
        }),
    };
    let answer = post("/whip/demo/camera")
        .sending(&app, Body::new(Endless))
        .await;
    assert_eq!(answer.status, StatusCode::REQUEST_TIMEOUT);
    assert_eq!(answer.problem().kind, "/problems/too-slow");
}

/// A body of which nothing ever arrives.
struct Endless;

impl axum::body::HttpBody for Endless {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        std::task::Poll::Pending
    }
}

#[tokio::test]
async fn a_relay_about_to_end_takes_nobody_new_and_says_so() {
    let (relay, readiness) = relay(&config(""));
    let health = ask(Method::GET, "/healthz").of(&relay).await;
    assert_eq!(health.status, StatusCode::OK);
    assert!(health.body.starts_with(b"{\"status\":\"ok\""));
    readiness.drain();
    let health = ask(Method::GET, "/healthz").of(&relay).await;
    assert_eq!(health.status, StatusCode::SERVICE_UNAVAILABLE);
    for path in ["/whip/demo/camera", "/whep/demo", "/whep/demo/camera"] {
        let answer = post(path).of(&relay).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(answer.problem().kind, "/problems/unavailable");
        assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
    }
}

#[tokio::test]
async fn metrics_count_what_was_asked_without_unbounded_labels() {
    let (relay, _) = relay(&keyed());
    for path in ["/whip/demo/camera", "/whip/other/board", "/whip/a/b"] {
        post(path).of(&relay).await;
    }
    let answer = ask(Method::GET, "/metrics").of(&relay).await;
    assert!(
        answer
            .header("content-type")
            .starts_with("application/openmetrics-text")
    );
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(
        text.contains("lectern_http_requests_total{door=\"whip\",status=\"401\"} 3"),
        "{text}"
    );
}

#[tokio::test]
async fn pages_are_served_with_headers_that_protect_them() {
    let dir = std::env::temp_dir().join(format!("lectern-pages-{}", std::process::id()));
    std::fs::create_dir_all(dir.join("assets")).unwrap();
    std::fs::write(dir.join("index.html"), "<!doctype html>").unwrap();
    std::fs::write(dir.join("assets/app-1a2b3c.js"), "0").unwrap();
    let (relay, _) = relay(&config(&format!("[web]\ndir = {dir:?}")));

    let page = ask(Method::GET, "/").of(&relay).await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (StatusCode::OK, "text/html")
    );
    assert_eq!(page.header("cache-control"), "no-cache");
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'self'"),
        "{policy}"
    );
    assert!(!policy.contains("http"), "no outside hosts: {policy}");
    assert!(
        page.header("permissions-policy")
            .contains("camera=(self), microphone=(self)")
    );

    let asset = ask(Method::GET, "/assets/app-1a2b3c.js").of(&relay).await;
    assert!(asset.header("cache-control").ends_with("immutable"));
    let missing = ask(Method::GET, "/assets/gone.js").of(&relay).await;
    assert_eq!(missing.header("cache-control"), "no-store");
    for outside in [
        "/../Cargo.toml",
        "/%2e%2e/Cargo.toml",
        "/assets/%2e%2e%2f%2e%2e%2fetc/passwd",
        "/nothing",
    ] {
        let answer = ask(Method::GET, outside).of(&relay).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{outside}");
        answer.problem();
    }
    let posted = ask(Method::POST, "/").of(&relay).await;
    assert_eq!(posted.status, StatusCode::METHOD_NOT_ALLOWED);
    posted.problem();
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn links_name_ice_servers_as_the_rfc_writes_them() {
    let text = "[http]\nice_servers = [\"stun:a.example:3478\", \
                { url = \"turn:b.example?transport=udp\", username = \"u\", credential = \"c\" }]";
    let (relay, _) = relay(&config(text));
    assert_eq!(
        relay.shared.ice_links,
        [
            "<stun:a.example:3478>; rel=\"ice-server\"",
            "<turn:b.example?transport=udp>; rel=\"ice-server\"; username=\"u\"; credential=\"c\"; \
             credential-type=\"password\"",
        ]
    );
}
