//! A whole lesson through the link, against a server that checks candidates itself.

use std::sync::Arc;

use load_tests::baseline;
use load_tests::client::{Abilities, Srtp};
use load_tests::lesson::{Lesson, Plan, Publication};
use load_tests::link::{Front, Line, Profile};
use load_tests::publisher::{Pacing, Programme, Source};
use load_tests::viewer::Attention;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use url::Url;

#[test]
fn a_lesson_passes_through_the_line_and_through_nothing_else() {
    let runtime = Runtime::new().unwrap();
    let listen = || runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let (at_server, at_link) = (listen(), listen());
    let url = |listener: &TcpListener, path: &str| {
        let address = listener.local_addr().unwrap();
        Url::parse(&format!("http://{address}/{path}")).unwrap()
    };
    let (whip, whep) = (
        url(&at_link, "whip/maths/camera"),
        url(&at_link, "whep/maths/camera"),
    );
    let server = url(&at_server, "");
    runtime.spawn(baseline::serve(at_server, std::future::pending()));
    let text = "about = \"everything twice\"\nseconds = 1\n[down]\ndelay = \"10ms\"\nduplicate = \"100%\"\n";
    let profile = Profile::parse("twice", text).unwrap();
    let line = Arc::new(Line::start(&profile, 1).unwrap());
    let front = Front::new(Arc::clone(&line), server, [127, 0, 0, 1].into(), false).unwrap();
    runtime.spawn(front.serve(at_link, std::future::pending()));

    let plan = Plan {
        whep,
        token: None,
        insecure: false,
        videos: 1,
        audios: 1,
        srtp: Srtp::Gcm,
        abilities: Abilities::default(),
        attention: Attention::Sample,
    };
    let programme = Programme::single(Source::synthetic(1.0), 1.0, Pacing::Paced);
    let mut lesson = Lesson::start(plan, vec![Publication { whip, programme }]).unwrap();
    lesson.join(2, std::time::Duration::ZERO, |_| {}).unwrap();
    let outcome = lesson.finish().unwrap();
    assert_eq!(outcome.failures, Vec::<String>::new());
    for viewer in &outcome.viewers {
        assert!(viewer.first_picture_ms.is_some());
        // Whatever went around the line would have come once.
        assert_eq!(viewer.packets, 2 * viewer.packets_received);
    }
    let report = line.report().unwrap();
    assert_eq!((report.clients, report.unsent, report.refused), (3, 0, 0));
    assert_eq!(report.down.duplicated, report.down.entered);
}
