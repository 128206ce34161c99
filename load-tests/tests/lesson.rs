//! Whole lessons over loopback, against the baseline server.

use std::net::SocketAddr;
use std::time::Duration;

use load_tests::baseline;
use load_tests::client::{Abilities, Srtp};
use load_tests::lesson::{Lesson, LessonError, Outcome, Plan, Publication};
use load_tests::publisher::{Pacing, Programme, Source};
use load_tests::summary::Summary;
use load_tests::viewer::Attention;
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

fn url(address: SocketAddr, path: &str) -> Url {
    Url::parse(&format!("http://{address}/{path}/maths/camera")).expect("a valid address")
}

fn plan(address: SocketAddr, srtp: Srtp) -> Plan {
    Plan {
        whep: url(address, "whep"),
        token: None,
        insecure: false,
        videos: 1,
        audios: 1,
        srtp,
        abilities: Abilities::ALL,
        attention: Attention::Sample,
    }
}

fn publication(whip: Url, pacing: Pacing) -> Publication {
    Publication {
        whip,
        programme: Programme::single(Source::synthetic(1.0), 1.0, pacing),
    }
}

fn play(plan: Plan, publications: Vec<Publication>) -> Outcome {
    let mut lesson = Lesson::start(plan, publications).expect("the publisher is admitted");
    lesson
        .join(3, Duration::from_millis(100), |_| {})
        .expect("the crowd runs");
    lesson.finish().expect("the crowd runs")
}

#[test]
fn every_viewer_has_a_picture_and_a_report() {
    for (srtp, pacing, profile) in [
        (Srtp::Gcm, Pacing::Burst, "AEAD_AES_128_GCM"),
        (Srtp::Cm, Pacing::Paced, "AES_CM_128_HMAC_SHA1_80"),
    ] {
        let (_runtime, address) = server();
        let publication = publication(url(address, "whip"), pacing);
        let outcome = play(plan(address, srtp), vec![publication]);
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
        let publisher = &outcome.publishers[0];
        assert!(publisher.packets > 0);
        assert!(publisher.keyframes > 0);
    }
}

#[test]
fn says_who_was_refused_and_why() {
    let (_runtime, address) = server();
    let outcome = play(plan(address, Srtp::Gcm), Vec::new());
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

    let nowhere = Url::parse(&format!("http://{address}/nowhere")).unwrap();
    let publications = vec![publication(nowhere, Pacing::Burst)];
    let error = Lesson::start(plan(address, Srtp::Gcm), publications)
        .err()
        .unwrap();
    assert!(matches!(error, LessonError::Admission { .. }), "{error}");
}
