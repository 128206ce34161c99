//! Health, metrics and draining.

use super::*;

#[tokio::test]
async fn a_relay_about_to_end_takes_nobody_new_and_says_so() {
    let (relay, behind) = relay(&config(""));
    let health = ask(Method::GET, "/healthz").of(&relay).await;
    assert_eq!(health.status, StatusCode::OK);
    assert!(health.body.starts_with(b"{\"status\":\"ok\""));
    behind.readiness.drain();
    let health = ask(Method::GET, "/healthz").of(&relay).await;
    assert_eq!(health.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(health.problem().detail.contains("about to end"));
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
async fn metrics_tell_sessions_and_media_apart_by_kind() {
    let (relay, _behind) = relay(&config(""));
    let offer = include_str!("../../../transport/tests/offers/chromium-publish.sdp");
    post("/whip/demo/camera").body(offer).of(&relay).await;
    let answer = ask(Method::GET, "/metrics").of(&relay).await;
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    for line in [
        "lectern_sessions{kind=\"publisher\"} 1",
        "lectern_sessions{kind=\"viewer\"} 0",
        "lectern_sent_packets_total 0",
        "lectern_keyframe_requests_total{direction=\"sent\"} 0",
        "lectern_discarded_datagrams_total{reason=\"malformed\"} 0",
        "lectern_forwarding_delay_seconds_bucket{le=\"0.001\"} 0",
        "lectern_forwarding_delay_seconds_bucket{le=\"+Inf\"} 0",
    ] {
        assert!(
            text.lines().any(|other| other == line),
            "{line} is missing from {text}"
        );
    }
}

#[tokio::test]
async fn a_stopped_worker_makes_the_relay_unhealthy() {
    let (relay, behind) = relay(&config(""));
    behind.counters.stopped.add(1);
    let health = ask(Method::GET, "/healthz").of(&relay).await;
    assert_eq!(health.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(health.problem().detail.starts_with("1 media worker"));
}
