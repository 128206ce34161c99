//! Whole lessons over loopback, against the baseline server.

use std::net::SocketAddr;
use std::time::Duration;

use load_tests::baseline;
use load_tests::client::Srtp;
use load_tests::lesson::{Lesson, LessonError, Outcome, Plan};
use load_tests::publisher::{Pacing, Source};
use load_tests::summary::Summary;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use url::Url;

fn server() -> (Runtime, SocketAddr) {
    let runtime = Runtime::new().expect("a runtime");
    let listener = runtime
        .block_on(TcpListener::bind("127.0.0.1:0"))
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    runtime.spawn(baseline::serve(listener, std::future::pending()));
    (runtime, address)
}

fn plan(address: SocketAddr, srtp: Srtp, pacing: Pacing) -> Plan {
    let url = |path| {
        Url::parse(&format!("http://{address}/{path}/maths/camera")).expect("a valid address")
    };
    Plan {
        whip: Some(url("whip")),
        whep: url("whep"),
        token: None,
        insecure: false,
        viewers: 3,
        videos: 1,
        audios: 1,
        join_within: Duration::from_millis(100),
        srtp,
        pacing,
        mbit: 1.0,
    }
}

fn play(plan: Plan) -> Outcome {
    let source = Source::synthetic(plan.mbit);
    let mut lesson = Lesson::start(plan, source).expect("the publisher is admitted");
    lesson.join(|_| {}).expect("the crowd runs");
    lesson.finish().expect("the crowd runs")
}

#[test]
fn every_viewer_has_a_picture_and_a_report() {
    for (srtp, pacing, profile) in [
        (Srtp::Gcm, Pacing::Burst, "AEAD_AES_128_GCM"),
        (Srtp::Cm, Pacing::Paced, "AES_CM_128_HMAC_SHA1_80"),
    ] {
        let (_runtime, address) = server();
        let outcome = play(plan(address, srtp, pacing));
        let summary = Summary::of(&outcome);
        assert_eq!(outcome.failures, Vec::<String>::new());
        assert_eq!(
            (summary.viewers_connected, summary.viewers_watching),
            (3, 3)
        );
        assert_eq!(summary.auth_failures, 0);
        assert!(summary.delay_ms.is_some(), "abs-capture-time came through");
        for viewer in &outcome.viewers {
            assert_eq!(viewer.srtp_profile, Some(profile));
            assert!(viewer.authenticated > 0);
            assert_eq!(
                viewer.packets_expected,
                viewer.packets_received + viewer.packets_lost
            );
        }
        let publisher = outcome.publisher.unwrap();
        assert!(publisher.packets > 0);
        assert!(publisher.keyframes > 0);
    }
}

#[test]
fn says_who_was_refused_and_why() {
    let (_runtime, address) = server();
    let mut refused = plan(address, Srtp::Gcm, Pacing::Burst);
    refused.whip = None;
    let outcome = play(refused);
    let summary = Summary::of(&outcome);
    assert_eq!(outcome.failures.len(), 3);
    assert!(
        outcome.failures[0].contains("404"),
        "{}",
        outcome.failures[0]
    );
    assert_eq!(
        summary.shortfall().unwrap(),
        "0 of 3 viewers were connected at the end"
    );

    let mut wrong = plan(address, Srtp::Gcm, Pacing::Burst);
    wrong.whip = Some(Url::parse(&format!("http://{address}/nowhere")).unwrap());
    let error = Lesson::start(wrong, Source::synthetic(1.0)).err().unwrap();
    assert!(matches!(error, LessonError::Admission { .. }), "{error}");
}
