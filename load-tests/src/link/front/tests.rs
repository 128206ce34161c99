use axum::http::Method;
use axum::routing::{get, post};

use super::*;
use crate::link::profile::Profile;

const ANSWER: &str = "v=0\r\nm=video 4000 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 127.0.0.1\r\n\
    a=candidate:1 1 udp 7 127.0.0.1 4000 typ host\r\na=candidate:2 1 tcp 7 127.0.0.1 9 typ host\r\n";

/// Answers an offer with what it looked like on arrival.
async fn whep(headers: HeaderMap, offer: String) -> Response<Body> {
    let seen = offer.matches("a=candidate").count();
    let token = headers[header::AUTHORIZATION].to_str().unwrap().to_owned();
    let host = headers[header::HOST].to_str().unwrap().to_owned();
    Response::builder()
        .status(StatusCode::CREATED)
        .header(header::CONTENT_TYPE, "application/sdp; charset=utf-8")
        .header(header::LOCATION, format!("http://{host}/sessions/7?v=1"))
        .header(header::LINK, "<turn:turn.example.net>; rel=\"ice-server\"")
        .header(header::ETAG, "\"1\"")
        .body(Body::from(format!("{ANSWER}a=x-seen:{seen} {token}\r\n")))
        .unwrap()
}

async fn start() -> (Url, Arc<Line>) {
    let app = Router::new().route("/whep/maths/camera", post(whep)).route(
        "/page",
        get(async |request: Request| request.uri().query().unwrap().to_owned()),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    let profile = Profile::load("lossy-5").unwrap();
    let line = Arc::new(Line::start(&profile, 1).unwrap());
    let front = Front::new(Arc::clone(&line), server, [127, 0, 0, 1].into(), false).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(front.serve(listener, std::future::pending()));
    (own, line)
}

#[tokio::test]
async fn an_answer_leads_through_the_link() {
    let (link, _line) = start().await;
    let response = reqwest::Client::new()
        .post(link.join("whep/maths/camera").unwrap())
        .header(header::CONTENT_TYPE, "application/sdp")
        .bearer_auth("key")
        .body(ANSWER)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let headers = response.headers().clone();
    assert_eq!(headers[header::LOCATION], "/sessions/7?v=1");
    assert_eq!(headers[header::ETAG], "\"1\"");
    assert!(!headers.contains_key(header::LINK));
    let body = response.text().await.unwrap();
    assert!(body.contains("a=x-seen:0 Bearer key\r\n"), "{body}");
    let candidates: Vec<&str> = body
        .lines()
        .filter(|line| line.contains("candidate:"))
        .collect();
    assert_eq!(candidates.len(), 1, "{body}");
    assert!(
        candidates[0].starts_with("a=candidate:1 1 udp 7 127.0.0.1 "),
        "{body}"
    );
    assert!(!candidates[0].contains(" 4000 "), "{body}");
}

#[tokio::test]
async fn everything_else_passes_unchanged() {
    let (link, _line) = start().await;
    let client = reqwest::Client::new();
    let page = client
        .get(link.join("page?a=b%20c").unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(page.text().await.unwrap(), "a=b%20c");
    let missing = client
        .request(Method::PATCH, link.join("nowhere").unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_so() {
    // Bound and given back: nobody listens.
    let gone = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let line = Arc::new(Line::start(&Profile::load("metro").unwrap(), 1).unwrap());
    let server = Url::parse(&format!("http://{gone}/")).unwrap();
    let front = Front::new(line, server, [127, 0, 0, 1].into(), false).unwrap();
    let request = Request::builder().uri("/page").body(Body::empty()).unwrap();
    let response = answer(State(front), request).await;
    assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
}
