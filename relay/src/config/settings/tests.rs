//! What is read, what is refused, and in whose favour conflicts end.

use super::*;

fn refusal(text: &str) -> String {
    Settings::file(Path::new("x.toml"), text)
        .unwrap_err()
        .to_string()
}

#[test]
fn every_wrong_file_is_answered_by_one_line_that_names_the_key() {
    for (text, expected) in [
        ("[http]\nlisten = ", "x.toml: line 2 is not TOML: "),
        (
            "[http]\nlisten = 8443",
            "x.toml: http.listen must be a text in quotes",
        ),
        (
            "[http]\nlisen = \"x\"",
            "x.toml: http.lisen is not a setting; did you mean http.listen?",
        ),
        (
            "[colours]\nsky = 1",
            "x.toml: colours is not a setting; see lectern.example.toml",
        ),
        (
            "http = 1",
            "x.toml: http is a section: write [http] above its settings",
        ),
        (
            "[media]\nbase_port = \"8500\"",
            "x.toml: media.base_port must be a whole number without quotes",
        ),
        (
            "[media]\nannounce = \"1.2.3.4\"",
            "x.toml: media.announce must be a list of texts",
        ),
        ("lessons = [1]", "x.toml: lessons must be a list of texts"),
        (
            "[http.tls]\ncert = \"a\"",
            "x.toml: http.tls.cert is not a setting",
        ),
        (
            "[http]\nice_servers = [\"http://x\"]",
            "x.toml: each of http.ice_servers must be like stun:host:port",
        ),
        (
            "[http]\nice_servers = [\"stun:a b\"]",
            "x.toml: each of http.ice_servers must be like stun:host:port",
        ),
        (
            "[http]\nice_servers = [{ url = \"turn:x\" }]",
            "x.toml: each of http.ice_servers must be a text or {",
        ),
    ] {
        let line = refusal(text);
        assert!(line.starts_with(expected), "{text:?} gave {line:?}");
        assert_eq!(line.lines().count(), 1, "{line:?}");
    }
}

#[test]
fn flags_replace_the_environment_which_replaces_the_file() {
    let mut settings = Settings::file(
        Path::new("x.toml"),
        "[http]\nlisten = \"file\"\nstate_dir = \"file\"",
    )
    .unwrap();
    settings
        .environment(
            [("LECTERN_HTTP_LISTEN", "env"), ("LECTERN_WEB_DIR", "env")]
                .map(|(k, v)| (k.into(), v.into())),
        )
        .unwrap();
    settings.flag("--web-dir", "web.dir", "flag").unwrap();
    assert_eq!(settings.text("http.state_dir"), Some("file"));
    assert_eq!(settings.text("http.listen"), Some("env"));
    assert_eq!(settings.text("web.dir"), Some("flag"));
}

#[test]
fn a_later_choice_of_tls_replaces_all_of_an_earlier_one() {
    let file = "[http]\ntls = { certificate = \"c\", key = \"k\" }";
    let mut settings = Settings::file(Path::new("x.toml"), file).unwrap();
    settings.flag("--tls", "http.tls", "plain").unwrap();
    assert_eq!(settings.text("http.tls"), Some("plain"));
    assert_eq!(settings.text("http.tls.certificate"), None);
}

#[test]
fn variables_of_other_programs_pass_and_misspelt_ones_do_not() {
    let one = |name: &str| Settings::default().environment([(name.to_owned(), "x".to_owned())]);
    assert_eq!(one("LECTERN_TOKEN"), Ok(()));
    assert_eq!(one("HTTP_PROXY"), Ok(()));
    let line = one("LECTERN_HTTP_LISTN").unwrap_err().to_string();
    assert!(
        line.starts_with("environment variable LECTERN_HTTP_LISTN: no setting"),
        "{line}"
    );
}

#[test]
fn lists_in_variables_are_separated_by_commas() {
    let mut settings = Settings::default();
    settings
        .environment([("LECTERN_LESSONS".to_owned(), "a, b,".to_owned())])
        .unwrap();
    assert_eq!(
        settings
            .parsed_list::<String>("lessons", "")
            .unwrap()
            .unwrap(),
        ["a", "b"]
    );
}
