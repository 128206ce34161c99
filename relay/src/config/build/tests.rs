//! Which configurations are accepted, and what is said of the others.

use super::*;

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// A file system in which every path but those under `/missing` exists.
struct Everything;

impl Files for Everything {
    fn read(&self, path: &Path) -> io::Result<String> {
        if path.starts_with("/missing") {
            Err(io::ErrorKind::NotFound.into())
        } else {
            Ok(format!("{KEY}\n"))
        }
    }
    fn is_dir(&self, path: &Path) -> bool {
        !path.starts_with("/missing")
    }
}

fn build(text: &str) -> Result<Config, Invalid> {
    let settings = Settings::file(Path::new("x.toml"), text)?;
    Config::build(&settings, &Everything, NonZeroUsize::new(4).unwrap())
}

#[test]
fn an_empty_configuration_is_the_local_mode_on_loopback() {
    let config = build("").unwrap();
    assert!(matches!(config.access, Access::Local));
    assert_eq!(config.http.listen, SocketAddr::from(([127, 0, 0, 1], 8443)));
    assert_eq!(config.http.tls, Tls::Plain);
    assert_eq!(
        config.media.listen,
        ["127.0.0.1".parse::<IpAddr>().unwrap()]
    );
    assert_eq!(config.media.workers.get(), 4);
    assert_eq!(config.lessons, None);
}

#[test]
fn a_key_opens_the_relay_to_other_machines_with_tls() {
    let config = build("[auth]\nkey_file = \"/key\"").unwrap();
    assert!(matches!(config.access, Access::Keyed(_)));
    assert_eq!(config.http.listen, SocketAddr::from(([0, 0, 0, 0], 8443)));
    assert_eq!(config.http.tls, Tls::SelfSigned { state_dir: None });
}

#[test]
fn records_are_kept_unless_told_not_to() {
    let folder = |text: &str| build(text).unwrap().records;
    assert_eq!(folder(""), Some("records".into()));
    let elsewhere = "[records]\ndir = \"/var/lib/lectern/records\"";
    assert_eq!(folder(elsewhere), Some("/var/lib/lectern/records".into()));
    assert_eq!(folder("[records]\ndir = \"no\""), None);
}

#[test]
fn the_example_names_every_setting_and_is_accepted() {
    let text = include_str!("../../../lectern.example.toml");
    let config = build(text).unwrap();
    assert!(matches!(config.access, Access::Keyed(_)));
    let uncommented: String = text
        .lines()
        .map(|line| line.strip_prefix("#: ").unwrap_or(line))
        .collect::<Vec<_>>()
        .join("\n");
    for name in [
        "lessons",
        "listen",
        "tls",
        "certificate",
        "state_dir",
        "ice_servers",
        "base_port",
        "tcp_port",
        "protocols",
        "workers",
    ]
    .into_iter()
    .chain([
        "announce",
        "max_sessions",
        "key",
        "key_file",
        "dir",
        "filter",
        "grace",
    ]) {
        assert!(
            uncommented.contains(&format!("{name} = ")),
            "{name} is missing from the example"
        );
    }
}

#[test]
fn every_wrong_value_is_answered_by_one_line_that_names_the_setting() {
    for (text, expected) in [
        (
            "[http]\nlisten = \"8443\"",
            "http.listen must be an address and a port",
        ),
        (
            "[http]\nlisten = \"0.0.0.0:8443\"",
            "http.listen 0.0.0.0 is open to other machines but there is no key",
        ),
        (
            "[media]\nlisten = [\"::\"]",
            "media.listen :: is open to other machines but there is no key",
        ),
        (
            "[media]\nannounce = [\"203.0.113.5\"]",
            "media.announce 203.0.113.5 is open to other machines",
        ),
        ("[media]\nlisten = []", "media.listen is empty"),
        (
            "[media]\nlisten = [\"127.0.0.1\", \"::1\", \"127.0.0.2\"]",
            "media.listen names two addresses of one family",
        ),
        (
            "[media]\nlisten = [\"here\"]",
            "media.listen must be a list of IP addresses",
        ),
        (
            "[media]\nworkers = 0",
            "media.workers must be a number from 1 to 256, not 0",
        ),
        (
            "[media]\nbase_port = 65536",
            "media.base_port must be a number from 0 to 65535",
        ),
        (
            "[media]\nbase_port = 65535",
            "media.base_port 65535 leaves no room for 4 workers",
        ),
        (
            "[media]\ntcp_port = 65536",
            "media.tcp_port must be a number from 0 to 65535",
        ),
        (
            "[media]\nprotocols = []",
            "media.protocols must name \"udp\", \"tcp\" or both",
        ),
        (
            "[media]\nprotocols = [\"udp\", \"quic\"]",
            "media.protocols must name \"udp\", \"tcp\" or both",
        ),
        (
            "[media]\nmax_sessions = -1",
            "media.max_sessions must be a number from 1",
        ),
        (
            "[auth]\nkey = \"short\"",
            "auth.key must be at least 32 bytes",
        ),
        (
            "[auth]\nkey = \"a\"\nkey_file = \"b\"",
            "auth.key and auth.key_file are both set",
        ),
        (
            "[auth]\nkey_file = \"/missing/key\"",
            "auth.key_file /missing/key cannot be read",
        ),
        ("[http]\ntls = \"yes\"", "http.tls must be \"plain\""),
        (
            "[http.tls]\ncertificate = \"a\"",
            "http.tls.certificate needs http.tls.key",
        ),
        (
            "[http.tls]\nkey = \"a\"",
            "http.tls.key needs http.tls.certificate",
        ),
        (
            "[http.tls]\nkey = \"a\"\ncertificate = \"/missing/c\"",
            "http.tls.certificate /missing/c cannot be read",
        ),
        ("lessons = [\"a b\"]", "lessons must be a list of names"),
        (
            "[web]\ndir = \"/missing\"",
            "web.dir /missing is not a folder",
        ),
        ("[records]\ndir = \"\"", "records.dir is empty"),
        ("[log]\nfilter = \"relay=loud\"", "log.filter must be like"),
        (
            "[shutdown]\ngrace = \"5\"",
            "shutdown.grace is \"5\", but a duration is",
        ),
    ] {
        let line = build(text).unwrap_err().to_string();
        assert!(
            line.starts_with(&format!("x.toml: {expected}")),
            "{text:?} gave {line:?}"
        );
        assert_eq!(line.lines().count(), 1, "{line:?}");
        assert!(!line.contains(KEY));
    }
}

#[test]
fn the_last_ports_can_be_used() {
    assert_eq!(
        build("[media]\nbase_port = 65532").unwrap().media.base_port,
        65532
    );
}

#[test]
fn tcp_is_on_the_number_of_the_first_udp_port_unless_told() {
    for (text, expected) in [
        ("", Protocols::UdpAndTcp { tcp_port: 8500 }),
        ("base_port = 0", Protocols::UdpAndTcp { tcp_port: 0 }),
        (
            "base_port = 7000\ntcp_port = 443",
            Protocols::UdpAndTcp { tcp_port: 443 },
        ),
        ("protocols = [\"udp\"]", Protocols::Udp),
        ("protocols = [\"tcp\"]", Protocols::Tcp { tcp_port: 8500 }),
        (
            "protocols = [\"udp\", \"tcp\"]",
            Protocols::UdpAndTcp { tcp_port: 8500 },
        ),
    ] {
        let config = build(&format!("[media]\n{text}")).unwrap();
        assert_eq!(config.media.protocols, expected, "{text}");
    }
}
