//! The table of statuses for requests that never reach a media worker.

use super::*;

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
