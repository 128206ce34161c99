//! The event stream, over a real connection, and the lines asked for once.

use std::time::{Duration, Instant};

use protocol::event::{Event, MAX_REQUEST, Message};
use protocol::line::{Grade, LessonLines, Situation};
use relay_core::key::SessionKey;
use relay_core::line::{Hop, Reading, Shown, SlotReading};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::*;
use crate::lines::{Lines, Opened, Side};

/// The relay's HTTP side behind a socket.
struct Server {
    address: std::net::SocketAddr,
    relay: App,
    behind: Behind,
    _serving: JoinSet<()>,
}

impl Server {
    async fn start(config: &Config) -> Self {
        let (relay, behind) = relay(config);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = app(relay.clone());
        let mut serving = JoinSet::new();
        serving.spawn(async { axum::serve(listener, router).await.unwrap() });
        Self {
            address,
            relay,
            behind,
            _serving: serving,
        }
    }

    fn lines(&self) -> &Lines {
        self.relay.shared.control.lines()
    }

    async fn connect(&self, lesson: &str) -> Client {
        let connection = TcpStream::connect(self.address).await.unwrap();
        let url = format!("ws://{}/api/lessons/{lesson}/events", self.address);
        let (socket, _) = client_async(url, connection).await.unwrap();
        Client(socket)
    }

    async fn greeted(&self, token: &str) -> Client {
        let mut client = self.connect("demo").await;
        client
            .say(&format!(r#"{{"type":"hello","token":"{token}"}}"#))
            .await;
        client
    }
}

struct Client(WebSocketStream<TcpStream>);

impl Client {
    async fn say(&mut self, text: &str) {
        self.send(Frame::text(text)).await;
    }

    async fn send(&mut self, frame: Frame) {
        use futures_util::SinkExt;
        self.0.send(frame).await.unwrap();
    }

    async fn frame(&mut self) -> Option<Frame> {
        use futures_util::StreamExt;
        self.0.next().await.and_then(Result::ok)
    }

    async fn message(&mut self) -> Message {
        match self.frame().await {
            Some(Frame::Text(text)) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// The problem it is told and the code it is closed with.
    async fn refusal(&mut self) -> (Problem, u16) {
        let Event::Problem { problem } = self.message().await.event else {
            panic!("no problem");
        };
        match self.frame().await {
            Some(Frame::Close(Some(CloseFrame { code, reason }))) => {
                assert_eq!(reason.as_str(), problem.kind);
                (problem, code.into())
            }
            other => panic!("{other:?}"),
        }
    }
}

/// A room that watches, with a second of a good line.
fn come(lines: &Lines, key: u64, seat: &str) {
    let key = SessionKey(key);
    let opened = Opened {
        lesson: "demo".parse().unwrap(),
        seat: seat.parse().unwrap(),
        role: Role::Room,
        side: Side::Watching(vec![Some("camera".into())]),
    };
    lines.opened(key, opened);
    lines.connected(key);
    read(lines, key, 1_000);
}

fn read(lines: &Lines, session: SessionKey, bytes: u64) {
    let slots = vec![SlotReading {
        slot: 0,
        track: None,
        shown: Shown::Layer { index: 0, of: 1 },
    }];
    lines.read(&Reading {
        at: Instant::now(),
        session,
        packets: 100,
        bytes,
        lost: 0,
        resent: 0,
        round_trip: Some(Duration::from_millis(20)),
        jitter: None,
        estimate: None,
        silence: Some(Duration::ZERO),
        hop: Hop::Downlink { slots },
    });
    review(lines);
}

fn review(lines: &Lines) {
    lines.review(std::iter::empty());
}

fn seats(event: &Event) -> Vec<&str> {
    match event {
        Event::Snapshot { lines, .. } => lines.iter().map(|line| line.seat.as_str()).collect(),
        Event::Line { line } => vec![line.seat.as_str()],
        other => panic!("{other:?}"),
    }
}

fn room() -> String {
    token(Role::Room, "demo", "room-1", None, 600)
}

fn operator() -> String {
    token(Role::Operator, "demo", "county", None, 600)
}

#[tokio::test]
async fn a_room_is_told_of_its_own_line_and_an_operator_of_all() {
    let server = Server::start(&keyed()).await;
    come(server.lines(), 1, "room-1");
    come(server.lines(), 2, "room-2");
    let mut room = server.greeted(&room()).await;
    let message = room.message().await;
    assert_eq!((message.v, message.seq), (1, 1));
    assert_eq!(seats(&message.event), ["room-1"]);
    let mut operator = server.greeted(&operator()).await;
    let message = operator.message().await;
    assert_eq!(seats(&message.event), ["room-1", "room-2"]);
    let Event::Snapshot { lines, seat, .. } = message.event else {
        panic!("no snapshot");
    };
    assert_eq!(seat.as_str(), "county");
    assert_eq!(lines[0].situation, Situation::Good);

    // Both change; the room hears of the one, in the next message of its own count.
    read(server.lines(), SessionKey(2), 7_777_000);
    read(server.lines(), SessionKey(1), 9_999_000);
    let message = room.message().await;
    assert_eq!((message.seq, seats(&message.event)), (2, vec!["room-1"]));
    let mut told = [operator.message().await, operator.message().await];
    told.sort_by_key(|message| seats(&message.event)[0].to_owned());
    assert_eq!(seats(&told[0].event), ["room-1"]);
    assert_eq!(seats(&told[1].event), ["room-2"]);
}

#[tokio::test]
async fn a_seat_that_leaves_is_told_to_be_gone() {
    let server = Server::start(&keyed()).await;
    let mut operator = server.greeted(&operator()).await;
    assert!(seats(&operator.message().await.event).is_empty());
    come(server.lines(), 1, "room-1");
    assert_eq!(seats(&operator.message().await.event), ["room-1"]);
    server.lines().closed(SessionKey(1), true);
    server.lines().finish();
    come(server.lines(), 2, "room-2");
    let events = [
        operator.message().await.event,
        operator.message().await.event,
    ];
    let gone = Event::Gone {
        seat: "room-1".parse().unwrap(),
    };
    assert!(events.contains(&gone), "{events:?}");
}

#[tokio::test]
async fn what_a_player_counts_shows_in_its_line_and_in_no_other() {
    let server = Server::start(&keyed()).await;
    come(server.lines(), 1, "room-1");
    come(server.lines(), 2, "room-2");
    let mut room = server.greeted(&room()).await;
    room.message().await;
    room.say(r#"{"type":"playback","freezes":3,"frames_decoded":90}"#)
        .await;
    let line = loop {
        review(server.lines());
        let told = tokio::time::timeout(Duration::from_millis(50), room.message()).await;
        if let Ok(Message {
            event: Event::Line { line },
            ..
        }) = told
        {
            break line;
        }
    };
    assert_eq!(line.playback.unwrap().freezes, 3);
    let lesson = "demo".parse().unwrap();
    let all = server.lines().since(&lesson, None, 0).changed;
    assert_eq!(all[1].playback, None);
}

#[tokio::test]
async fn strangers_are_told_why_and_closed() {
    let server = Server::start(&keyed()).await;
    let expired = token(Role::Room, "demo", "room-1", None, -600);
    let elsewhere = token(Role::Room, "other", "room-1", None, 600);
    let hello = |token: &str| format!(r#"{{"type":"hello","token":"{token}"}}"#);
    for (first, kind, code) in [
        (hello(&expired), "/problems/bad-token", 4_401),
        (hello("x"), "/problems/bad-token", 4_401),
        (hello(&elsewhere), "/problems/forbidden", 4_403),
        (r#"{"type":"hello"}"#.into(), "/problems/no-token", 4_401),
        (
            r#"{"type":"playback"}"#.into(),
            "/problems/malformed",
            4_400,
        ),
        ("hello".into(), "/problems/malformed", 4_400),
    ] {
        let mut client = server.connect("demo").await;
        client.say(&first).await;
        let (problem, closed) = client.refusal().await;
        assert_eq!((problem.kind.as_str(), closed), (kind, code), "{first}");
    }
    let mut client = server.connect("nowhere").await;
    client
        .say(&hello(&token(Role::Room, "nowhere", "a", None, 600)))
        .await;
    assert_eq!(client.refusal().await.1, 4_404);
}

#[tokio::test]
async fn a_client_that_misbehaves_later_is_closed_too() {
    let server = Server::start(&keyed()).await;
    let mut twice = server.greeted(&room()).await;
    twice.message().await;
    twice.say(r#"{"type":"hello"}"#).await;
    assert_eq!(twice.refusal().await.1, 4_400);

    let mut binary = server.greeted(&room()).await;
    binary.message().await;
    binary.send(Frame::binary(vec![1, 2, 3])).await;
    assert_eq!(binary.refusal().await.1, 4_400);

    let mut flood = server.greeted(&room()).await;
    flood.message().await;
    for _ in 0..31 {
        flood.say(r#"{"type":"playback"}"#).await;
    }
    assert_eq!(flood.refusal().await.1, 4_429);

    let mut huge = server.greeted(&room()).await;
    huge.message().await;
    huge.say(&" ".repeat(MAX_REQUEST + 1)).await;
    assert!(!matches!(huge.frame().await, Some(Frame::Text(_))));
}

#[tokio::test]
async fn who_does_not_say_hello_is_not_waited_for() {
    let server = Server::start(&keyed()).await;
    let mut client = server.connect("demo").await;
    // The client's own socket is real, so that the clock may run ahead only while nobody waits for it.
    tokio::time::pause();
    assert_eq!(client.refusal().await.1, 4_408);
}

#[tokio::test]
async fn a_relay_that_ends_says_so_and_takes_nobody_new() {
    let server = Server::start(&keyed()).await;
    let mut client = server.greeted(&room()).await;
    client.message().await;
    let mut silent = server.connect("demo").await;
    server.behind.readiness.drain();
    for client in [&mut client, &mut silent] {
        match client.frame().await {
            Some(Frame::Close(Some(frame))) => assert_eq!(u16::from(frame.code), 1_001),
            other => panic!("{other:?}"),
        }
    }
    let connection = TcpStream::connect(server.address).await.unwrap();
    let url = format!("ws://{}/api/lessons/demo/events", server.address);
    assert!(client_async(url, connection).await.is_err());
}

#[tokio::test]
async fn in_local_mode_a_client_names_its_seat() {
    let server = Server::start(&config("")).await;
    come(server.lines(), 1, "room-1");
    come(server.lines(), 2, "room-2");
    let mut client = server.connect("demo").await;
    client.say(r#"{"type":"hello","seat":"room-2"}"#).await;
    let message = client.message().await;
    let Event::Snapshot { lines, seat, .. } = &message.event else {
        panic!("no snapshot");
    };
    assert_eq!((seat.as_str(), lines.len()), ("room-2", 2));
}

#[tokio::test]
async fn lines_are_read_by_those_who_watch_over_the_lesson() {
    let (relay, _behind) = relay(&keyed());
    come(relay.shared.control.lines(), 1, "room-1");
    let path = "/api/lessons/demo/lines";
    for role in [Role::Teacher, Role::Operator, Role::Observer] {
        let answer = ask(Method::GET, path)
            .by(token(role, "demo", "x", None, 600))
            .of(&relay)
            .await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.header("cache-control"), "no-store");
        let body: LessonLines = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(body.lines[0].grade, Grade::Good);
    }
    for (token, status) in [
        (room(), StatusCode::FORBIDDEN),
        (
            token(Role::Recorder, "demo", "x", None, 600),
            StatusCode::FORBIDDEN,
        ),
        (
            token(Role::Operator, "other", "x", None, 600),
            StatusCode::FORBIDDEN,
        ),
        ("x".into(), StatusCode::UNAUTHORIZED),
    ] {
        let answer = ask(Method::GET, path).by(token).of(&relay).await;
        assert_eq!(answer.status, status);
        answer.problem();
    }
    let unasked = ask(Method::GET, "/api/lessons/demo/events")
        .of(&relay)
        .await;
    assert!(unasked.status.is_client_error());
    unasked.problem();
}

#[tokio::test]
async fn metrics_tell_of_every_line_that_is_there() {
    let (relay, _behind) = relay(&keyed());
    come(relay.shared.control.lines(), 1, "room-1");
    let answer = ask(Method::GET, "/metrics").of(&relay).await;
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    for line in [
        "lectern_line_loss_ratio{lesson=\"demo\",seat=\"room-1\",direction=\"downlink\"} 0.0",
        "lectern_line_rate{lesson=\"demo\",seat=\"room-1\",direction=\"downlink\"} 8000.0",
        "lectern_line_round_trip_seconds{lesson=\"demo\",seat=\"room-1\",direction=\"downlink\"} 0.02",
        "lectern_line_layer{lesson=\"demo\",seat=\"room-1\",slot=\"camera\"} 0",
        "lectern_line_outages{lesson=\"demo\",seat=\"room-1\"} 0.0",
        "lectern_records_total{outcome=\"failed\"} 0",
    ] {
        assert!(
            text.lines().any(|other| other == line),
            "{line} is missing from {text}"
        );
    }
}
