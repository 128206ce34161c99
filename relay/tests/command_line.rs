//! `lectern` as people and service managers run it: what it prints and how it exits.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

const KEY: &str = "0123456789abcdef0123456789abcdef";

fn lectern(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lectern"));
    command.env_clear().args(arguments);
    command
}

/// The one line on standard error.
fn complaint(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

#[test]
fn bad_configuration_is_one_line_that_names_the_key_and_status_2() {
    for (arguments, named) in [
        (&["relay", "--set", "http.lisen=x"][..], "http.lisen"),
        (&["relay", "--listen", "0.0.0.0:8443"], "http.listen"),
        (&["relay", "--base-port", "many"], "media.base_port"),
        (
            &["relay", "--config", "/nowhere/lectern.toml"],
            "/nowhere/lectern.toml",
        ),
        (&["relay", "--key-file", "/nowhere/key"], "auth.key_file"),
        (
            &[
                "token", "--role", "room", "--lesson", "demo", "--seat", "room-7",
            ],
            "--key-file",
        ),
    ] {
        let output = lectern(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(complaint(&output).contains(named), "{arguments:?}");
    }
}

#[test]
fn a_good_configuration_is_checked_without_starting() {
    let output = lectern(&["relay", "--check", "--set", "media.workers=1"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_token_has_three_parts_and_goes_alone_on_its_line() {
    let output = lectern(&[
        "token", "--role", "teacher", "--lesson", "demo", "--seat", "centre",
    ])
    .env("LECTERN_AUTH_KEY", KEY)
    .output()
    .unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.trim_end().split('.').count(), 3, "{text}");
    assert_eq!(text.lines().count(), 1);
}

#[test]
fn a_taken_port_is_one_line_and_status_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = lectern(&["relay", "--listen", &address, "--base-port", "0"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint(&output).contains(&address));
}

#[test]
fn a_service_manager_ends_it_with_a_signal_and_gets_status_0() {
    let mut relay = lectern(&["relay", "--listen", "127.0.0.1:0", "--base-port", "0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(relay.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("LOCAL MODE")));
    let id = relay.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(relay.wait().unwrap().code(), Some(0));
}
