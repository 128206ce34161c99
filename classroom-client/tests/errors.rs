//! What the program says when it cannot do what was asked: one line, and exit status 1.

#![allow(clippy::unwrap_used, reason = "a test that fails here says where")]

mod common;

use std::process::{Command, Output};

use common::Clip;

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lectern-classroom"))
        .args(arguments)
        .env_remove("RUST_LOG")
        .output()
        .unwrap()
}

/// The one line on standard error of a publisher that exits with status 1.
fn refusal(video: &str, audio: &str) -> String {
    let output = run(&[
        "publish",
        "--whip",
        // Discard: nothing is sent there.
        "http://127.0.0.1:9/whip/demo/camera",
        "--video",
        video,
        "--audio",
        audio,
    ]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    text.trim().to_owned()
}

#[test]
fn a_clip_that_is_not_there() {
    assert_eq!(
        refusal("file:/nowhere/clip.mp4", "file"),
        "lectern-classroom: /nowhere/clip.mp4: there is no such file"
    );
}

#[test]
fn a_clip_of_another_codec() {
    let clip = Clip::make(
        "refused.webm",
        &["-c:v", "libvpx", "-deadline", "realtime", "-an"],
    );
    let said = refusal(&format!("file:{}", clip.path().display()), "file");
    assert!(
        said.ends_with("its video is VP8, and a file is sent as it is: convert it to H.264 first"),
        "{said}"
    );
}

#[test]
fn a_camera_that_is_not_there() {
    assert_eq!(
        refusal("v4l2:/dev/no-such-camera", "none"),
        "lectern-classroom: /dev/no-such-camera is not there: is the camera plugged in?"
    );
}

#[test]
fn sound_of_a_source_that_has_none() {
    assert_eq!(
        refusal("test:320x180", "file"),
        "lectern-classroom: only a file or a network source has sound of its own"
    );
}

#[test]
fn a_report_that_cannot_be_written() {
    let output = run(&[
        "publish",
        "--whip",
        "http://127.0.0.1:9/whip/demo/camera",
        "--video",
        "test:320x180",
        "--json-stats",
        "/nowhere/stats.json",
    ]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.starts_with("lectern-classroom: cannot write /nowhere/stats.json"),
        "{text}"
    );
}

#[test]
fn words_without_a_meaning_are_explained() {
    let output = run(&[
        "publish",
        "--whip",
        "http://127.0.0.1:9/",
        "--video",
        "tape",
    ]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("a video source is one of"), "{text}");
}
