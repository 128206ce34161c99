//! The event stream, with a relay that is only as much of one as it takes.

#![allow(clippy::unwrap_used, reason = "a test that fails here says where")]

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use participant::Door;
use participant::events::Events;
use protocol::event::Request;
use protocol::line::Playback;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::{WebSocketStream, accept_async};

const SNAPSHOT: &str = include_str!("../../protocol/fixtures/event-snapshot.json");
const LINE: &str = include_str!("../../protocol/fixtures/event-line.json");

async fn relay() -> (TcpListener, Door) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let url = format!("http://{address}/whep/demo").parse().unwrap();
    (listener, Door::new(url).with_token("secret"))
}

/// The next client, and the first thing it says.
async fn admit(listener: &TcpListener) -> (WebSocketStream<TcpStream>, Request) {
    let (connection, _) = listener.accept().await.unwrap();
    let mut socket = accept_async(connection).await.unwrap();
    let hello = heard(&mut socket).await;
    (socket, hello)
}

async fn heard(socket: &mut WebSocketStream<TcpStream>) -> Request {
    let frame = socket.next().await.unwrap().unwrap();
    serde_json::from_str(frame.to_text().unwrap()).unwrap()
}

/// The sentence, once it is `expected`.
async fn told(events: &Events, expected: Option<&str>) {
    while events.line().map(|line| line.sentence.zh).as_deref() != expected {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_room_hears_of_its_line_and_tells_what_its_player_counts() {
    let (listener, door) = relay().await;
    let events = Events::follow(&door).unwrap();
    let (mut socket, hello) = admit(&listener).await;
    let expected = Request::Hello {
        token: Some("secret".into()),
        seat: None,
    };
    assert_eq!(hello, expected);
    socket.send(Frame::text(SNAPSHOT)).await.unwrap();
    told(&events, Some("线路良好")).await;
    socket.send(Frame::text(LINE)).await.unwrap();
    told(&events, Some("贵校下行丢包 12%，已改为语音优先")).await;
    let played = Playback {
        frames_decoded: 90,
        ..Playback::default()
    };
    events.report(played);
    assert_eq!(heard(&mut socket).await, Request::Playback(played));
}

#[tokio::test]
async fn it_comes_back_and_counts_from_there() {
    let (listener, door) = relay().await;
    let events = Events::follow(&door).unwrap();
    let (mut socket, _) = admit(&listener).await;
    socket.send(Frame::text(SNAPSHOT)).await.unwrap();
    told(&events, Some("线路良好")).await;
    let counted = |frames_decoded| Playback {
        frames_decoded,
        ..Playback::default()
    };
    events.report(counted(100));
    heard(&mut socket).await;
    drop(socket);
    told(&events, None).await;
    let (mut socket, _) = admit(&listener).await;
    socket.send(Frame::text(SNAPSHOT)).await.unwrap();
    told(&events, Some("线路良好")).await;
    events.report(counted(130));
    assert_eq!(heard(&mut socket).await, Request::Playback(counted(30)));
}

#[tokio::test]
async fn a_door_without_events_is_no_trouble() {
    let elsewhere = Door::new("http://127.0.0.1:9/live/demo".parse().unwrap());
    assert!(Events::follow(&elsewhere).is_none());
    let (listener, door) = relay().await;
    drop(listener);
    let events = Events::follow(&door).unwrap();
    tokio::time::sleep(Duration::ZERO).await;
    assert!(events.line().is_none());
}
