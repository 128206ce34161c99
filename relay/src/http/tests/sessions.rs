//! Sessions from the offer to the end, with offers of real clients.

use super::*;

macro_rules! offer {
    ($name:literal) => {
        include_str!(concat!("../../../transport/tests/offers/", $name, ".sdp"))
    };
}

const PUBLISHERS: &[(&str, &str)] = &[
    ("chromium", offer!("chromium-publish")),
    ("chromium-h264", offer!("chromium-publish-h264")),
    ("chromium-simulcast", offer!("chromium-publish-simulcast")),
    ("firefox", offer!("firefox-publish")),
    ("gstreamer", offer!("gstreamer-publish")),
    ("obs", offer!("obs-whip")),
    ("safari", offer!("safari-publish")),
];

const VIEWERS: &[(&str, &str)] = &[
    ("chromium", offer!("chromium-watch-2x2")),
    ("firefox", offer!("firefox-watch")),
];

const RESTART: &str = "a=ice-ufrag:anew\r\na=ice-pwd:abcdefghijklmnopqrstuvwxyz012345\r\n\
                       m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n";
const CANDIDATE: &str = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n\
                         a=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host\r\n";

fn centre() -> String {
    token(Role::Teacher, "demo", "centre", None, 60)
}

/// A session that was made.
struct Session {
    location: String,
    etag: String,
}

async fn made(relay: &App, request: Ask, offer: &str) -> Session {
    let answer = request.body(offer.to_owned()).of(relay).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.body);
    assert_eq!(answer.header("content-type"), SDP);
    assert!(answer.body.starts_with(b"v=0\r\n"), "{:?}", answer.body);
    let location = answer.header("location").to_owned();
    assert!(
        location.len() >= "/session/".len() + 32,
        "guessable: {location}"
    );
    let etag = answer.header("etag").to_owned();
    assert!(
        etag.len() > 2 && etag.starts_with('"') && etag.ends_with('"'),
        "not a strong tag: {etag}"
    );
    Session { location, etag }
}

fn patch(session: &Session, fragment: &str) -> Ask {
    ask(Method::PATCH, &session.location)
        .by(centre())
        .with("content-type", FRAGMENT)
        .with("if-match", session.etag.clone())
        .body(fragment.to_owned())
}

#[tokio::test]
async fn offers_of_real_publishers_make_sessions() {
    let (relay, behind) = relay(&keyed());
    for (name, offer) in PUBLISHERS {
        made(&relay, post("/whip/demo/camera").by(centre()), offer).await;
        let mail = std::iter::from_fn(|| behind.mailbox.next());
        let opened = mail.filter(|mail| matches!(mail, Mail::Open(_))).count();
        assert_eq!(opened, 1, "{name}");
    }
}

#[tokio::test]
async fn offers_of_real_viewers_make_sessions() {
    let (relay, _behind) = relay(&keyed());
    let room = token(Role::Room, "demo", "room-7", None, 60);
    for (_, offer) in VIEWERS {
        for path in [
            "/whep/demo",
            "/whep/demo/courseware",
            "/whep/demo/room?seat=room-7",
        ] {
            made(&relay, post(path).by(&room), offer).await;
        }
        for role in [Role::Teacher, Role::Operator, Role::Recorder] {
            let token = token(role, "demo", "somebody", None, 60);
            made(&relay, post("/whep/demo/room?seat=room-7").by(token), offer).await;
        }
        let observer = token(Role::Observer, "demo", "observer", None, 60);
        made(&relay, post("/whep/demo").by(observer), offer).await;
    }
}

#[tokio::test]
async fn the_media_type_may_have_parameters_and_the_scheme_any_case() {
    let (relay, _behind) = relay(&keyed());
    let request = post("/whip/demo/camera")
        .with("content-type", "Application/SDP; charset=utf-8")
        .with("authorization", format!("bEARER {}", centre()));
    made(&relay, request, PUBLISHERS[0].1).await;
}

#[tokio::test]
async fn in_local_mode_everybody_may_do_everything() {
    let (relay, _behind) = relay(&config(""));
    for source in Source::ALL {
        let session = made(
            &relay,
            post(&format!("/whip/any/{source}?seat=here")),
            PUBLISHERS[0].1,
        )
        .await;
        let answer = ask(Method::DELETE, &session.location).of(&relay).await;
        assert_eq!(answer.status, StatusCode::OK, "{source}");
    }
    for path in ["/whep/any", "/whep/any/camera", "/whep/any/room?seat=here"] {
        made(&relay, post(path), VIEWERS[0].1).await;
    }
}

#[tokio::test]
async fn what_is_no_offer_is_400_and_what_cannot_be_served_is_406() {
    let (relay, _behind) = relay(&keyed());
    let offer = |path: &str, body: &str| post(path).by(centre()).body(body.to_owned());
    for (status, request) in [
        (400, offer("/whip/demo/camera", "")),
        (400, offer("/whip/demo/camera", "hello")),
        (400, offer("/whep/demo", "v=0\r\n")),
        (406, offer("/whep/demo", offer!("chromium-datachannel"))),
        (406, offer("/whip/demo/camera", VIEWERS[0].1)),
        (406, offer("/whep/demo", offer!("obs-whip"))),
    ] {
        let answer = request.of(&relay).await;
        assert_eq!(
            answer.status.as_u16(),
            status,
            "{} {:?}",
            request.path,
            request.body
        );
        answer.problem();
    }
}

#[tokio::test]
async fn trickling_is_204_without_a_tag_and_a_restart_is_200_with_a_new_one() {
    let (relay, _behind) = relay(&keyed());
    let first = made(
        &relay,
        post("/whip/demo/camera").by(centre()),
        PUBLISHERS[0].1,
    )
    .await;

    let trickled = patch(&first, CANDIDATE).of(&relay).await;
    assert_eq!(
        (trickled.status, trickled.body.len()),
        (StatusCode::NO_CONTENT, 0)
    );
    assert_eq!(trickled.header("etag"), "");

    let restarted = patch(&first, RESTART)
        .with("if-match", "*")
        .of(&relay)
        .await;
    assert_eq!(restarted.status, StatusCode::OK);
    assert_eq!(restarted.header("content-type"), FRAGMENT);
    let fragment = String::from_utf8(restarted.body.to_vec()).unwrap();
    assert!(
        fragment.contains("a=ice-ufrag:") && fragment.contains("a=ice-pwd:"),
        "{fragment}"
    );
    let etag = restarted.header("etag").to_owned();
    assert_ne!(etag, first.etag);

    // The old tag has had its day; the new one, even among others, has not.
    let late = patch(&first, CANDIDATE).of(&relay).await;
    assert_eq!(late.status, StatusCode::PRECONDITION_FAILED);
    late.problem();
    let both = patch(&first, CANDIDATE).with("if-match", format!("{}, {etag}", first.etag));
    assert_eq!(both.of(&relay).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn every_wrong_patch_gets_its_status_and_leaves_the_session_alone() {
    let (relay, _behind) = relay(&keyed());
    let session = made(
        &relay,
        post("/whip/demo/camera").by(centre()),
        PUBLISHERS[0].1,
    )
    .await;
    let long = "a".repeat(body::LIMIT + 1);
    for (status, request) in [
        (428, patch(&session, CANDIDATE).without("if-match")),
        (
            412,
            patch(&session, CANDIDATE).with("if-match", "\"other\""),
        ),
        (
            412,
            patch(&session, CANDIDATE).with("if-match", format!("W/{}", session.etag)),
        ),
        (400, patch(&session, CANDIDATE).with("if-match", "unquoted")),
        (415, patch(&session, CANDIDATE).with("content-type", SDP)),
        (415, patch(&session, CANDIDATE).without("content-type")),
        (413, patch(&session, &long)),
        (400, patch(&session, "")),
        (400, patch(&session, "hello")),
        (401, patch(&session, CANDIDATE).without("authorization")),
        (
            403,
            patch(&session, CANDIDATE).by(token(Role::Teacher, "demo", "else", None, 60)),
        ),
        (
            403,
            patch(&session, CANDIDATE).by(token(Role::Operator, "other", "centre", None, 60)),
        ),
    ] {
        let answer = request.of(&relay).await;
        assert_eq!(answer.status.as_u16(), status, "{:?}", request.headers);
        answer.problem();
    }
    assert_eq!(
        patch(&session, CANDIDATE).of(&relay).await.status,
        StatusCode::NO_CONTENT
    );
}

#[tokio::test]
async fn a_session_is_ended_by_its_seat_or_an_operator_and_by_nobody_else() {
    let (relay, _behind) = relay(&keyed());
    let end = |session: &Session, token: String| ask(Method::DELETE, &session.location).by(token);
    for (role, seat) in [(Role::Teacher, "centre"), (Role::Operator, "county")] {
        let session = made(
            &relay,
            post("/whip/demo/camera").by(centre()),
            PUBLISHERS[0].1,
        )
        .await;
        let stranger = end(&session, token(Role::Room, "demo", "room-7", None, 60));
        assert_eq!(stranger.of(&relay).await.status, StatusCode::FORBIDDEN);
        let shown = ask(Method::GET, &session.location)
            .by(centre())
            .of(&relay)
            .await;
        assert_eq!(
            (shown.status, shown.body.len()),
            (StatusCode::NO_CONTENT, 0)
        );
        // An entity tag does not matter here, not even a wrong one (RFC 9725 §4.3.1).
        let owner =
            end(&session, token(role, "demo", seat, None, 60)).with("if-match", "\"wrong\"");
        assert_eq!(owner.of(&relay).await.status, StatusCode::OK, "{role:?}");
        assert_eq!(
            owner.of(&relay).await.status,
            StatusCode::NOT_FOUND,
            "{role:?}"
        );
    }
}

#[tokio::test]
async fn a_full_relay_says_when_to_come_back() {
    let (relay, _behind) = relay(&config("[media]\nmax_sessions = 1"));
    let only = made(&relay, post("/whep/demo"), VIEWERS[0].1).await;
    let refused = post("/whep/demo").body(VIEWERS[0].1).of(&relay).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    refused.problem();
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
    ask(Method::DELETE, &only.location).of(&relay).await;
    made(&relay, post("/whep/demo"), VIEWERS[0].1).await;
}

#[tokio::test]
async fn clients_are_told_of_ice_servers() {
    let text = "[http]\nice_servers = [\"stun:a.example:3478\", \
                { url = \"turn:b.example?transport=udp\", username = \"u\", credential = \"c\" }]";
    let (relay, _behind) = relay(&config(text));
    let answer = post("/whip/demo/camera")
        .body(PUBLISHERS[0].1)
        .of(&relay)
        .await;
    let links: Vec<_> = answer.headers.get_all("link").iter().collect();
    assert_eq!(
        links,
        [
            "<stun:a.example:3478>; rel=\"ice-server\"",
            "<turn:b.example?transport=udp>; rel=\"ice-server\"; username=\"u\"; credential=\"c\"; \
             credential-type=\"password\"",
        ]
    );
}
