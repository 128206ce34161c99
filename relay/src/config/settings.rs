//! The table of settings, and what was found for each of them in the file, the environment and the flags.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use toml::{Table, Value as Toml};

use super::{IceServer, Invalid};

/// Where a setting came from, for error messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The configuration file.
    File(String),
    /// An environment variable.
    Environment(String),
    /// A command-line flag.
    Flag(String),
    /// Nowhere: the setting is absent.
    Absent,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File(path) => f.write_str(path),
            Origin::Environment(name) => write!(f, "environment variable {name}"),
            Origin::Flag(flag) => f.write_str(flag),
            Origin::Absent => f.write_str("configuration"),
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    Integer,
    Texts,
    IceServers,
}

/// Every setting there is.
const SETTINGS: &[(&str, Kind)] = &[
    ("lessons", Kind::Texts),
    ("http.listen", Kind::Text),
    ("http.tls", Kind::Text),
    ("http.tls.certificate", Kind::Text),
    ("http.tls.key", Kind::Text),
    ("http.state_dir", Kind::Text),
    ("http.ice_servers", Kind::IceServers),
    ("media.listen", Kind::Texts),
    ("media.base_port", Kind::Integer),
    ("media.workers", Kind::Integer),
    ("media.announce", Kind::Texts),
    ("media.max_sessions", Kind::Integer),
    ("auth.key", Kind::Text),
    ("auth.key_file", Kind::Text),
    ("web.dir", Kind::Text),
    ("log.filter", Kind::Text),
    ("shutdown.grace", Kind::Text),
];

/// Settings of which a later origin's choice of one replaces an earlier origin's choice of the others.
const ALTERNATIVES: &[&[&str]] = &[
    &["http.tls", "http.tls.certificate", "http.tls.key"],
    &["auth.key", "auth.key_file"],
];

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Text(String),
    Integer(i64),
    Texts(Vec<String>),
    IceServers(Vec<IceServer>),
}

/// What was found, by setting.
#[derive(Debug, Default)]
pub struct Settings {
    found: BTreeMap<&'static str, (Value, Origin)>,
}

impl Settings {
    /// Reads the text of a configuration file.
    pub fn file(path: &Path, text: &str) -> Result<Self, Invalid> {
        let origin = Origin::File(path.display().to_string());
        let table: Table = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(0, |span| {
                text[..span.start.min(text.len())].matches('\n').count() + 1
            });
            let message = error.message().lines().collect::<Vec<_>>().join(" ");
            Invalid::new(&origin, format!("line {line} is not TOML: {message}"))
        })?;
        let mut settings = Self::default();
        settings.take_table("", &table, &origin)?;
        Ok(settings)
    }

    /// Lays environment variables over what is there. Variables outside the relay's sections are other programs'.
    pub fn environment(
        &mut self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(), Invalid> {
        let mut layer = Self::default();
        for (name, value) in variables {
            let Some(rest) = name.strip_prefix("LECTERN_") else {
                continue;
            };
            let origin = Origin::Environment(name.clone());
            let known = SETTINGS.iter().find(|(key, _)| variable(key) == rest);
            match known {
                Some((key, kind)) => {
                    layer.insert(key, written(key, *kind, &value, &origin)?, &origin)
                }
                None if in_a_section(rest) => {
                    return Err(Invalid::new(
                        &origin,
                        "no setting has this name; see lectern.example.toml",
                    ));
                }
                None => {}
            }
        }
        self.overlay(layer);
        Ok(())
    }

    /// Lays one flag over what is there.
    pub fn flag(&mut self, flag: &str, key: &str, value: &str) -> Result<(), Invalid> {
        let origin = Origin::Flag(flag.to_owned());
        let (key, kind) = known(key).ok_or_else(|| unknown(key, &origin))?;
        let mut layer = Self::default();
        layer.insert(key, written(key, kind, value, &origin)?, &origin);
        self.overlay(layer);
        Ok(())
    }

    /// Where `key` was set.
    pub(super) fn origin(&self, key: &str) -> Origin {
        self.found
            .get(key)
            .map_or(Origin::Absent, |(_, origin)| origin.clone())
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        match self.found.get(key) {
            Some((Value::Text(text), _)) => Some(text),
            _ => None,
        }
    }

    /// A text setting as a `T`; `expects` completes "`key` must be …".
    pub(super) fn parsed<T: FromStr>(
        &self,
        key: &str,
        expects: &str,
    ) -> Result<Option<T>, Invalid> {
        self.text(key)
            .map(|text| self.parse_one(key, text, expects))
            .transpose()
    }

    /// A list setting as `T`s.
    pub(super) fn parsed_list<T: FromStr>(
        &self,
        key: &str,
        expects: &str,
    ) -> Result<Option<Vec<T>>, Invalid> {
        let Some((Value::Texts(texts), _)) = self.found.get(key) else {
            return Ok(None);
        };
        texts
            .iter()
            .map(|text| self.parse_one(key, text, expects))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// An integer setting within `range`.
    pub(super) fn integer(
        &self,
        key: &str,
        range: std::ops::RangeInclusive<u32>,
    ) -> Result<Option<u32>, Invalid> {
        let Some((Value::Integer(number), origin)) = self.found.get(key) else {
            return Ok(None);
        };
        match u32::try_from(*number) {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            _ => {
                let expects = format!(
                    "{key} must be a number from {} to {}, not {number}",
                    range.start(),
                    range.end()
                );
                Err(Invalid::new(origin, expects))
            }
        }
    }

    pub(super) fn ice_servers(&self) -> Vec<IceServer> {
        match self.found.get("http.ice_servers") {
            Some((Value::IceServers(servers), _)) => servers.clone(),
            _ => Vec::new(),
        }
    }

    fn parse_one<T: FromStr>(&self, key: &str, text: &str, expects: &str) -> Result<T, Invalid> {
        text.parse().map_err(|_| {
            Invalid::new(
                &self.origin(key),
                format!("{key} must be {expects}, not {text:?}"),
            )
        })
    }

    fn take_table(&mut self, prefix: &str, table: &Table, origin: &Origin) -> Result<(), Invalid> {
        for (name, value) in table {
            let key = if prefix.is_empty() {
                name.clone()
            } else {
                format!("{prefix}.{name}")
            };
            let is_section = SETTINGS.iter().any(|(k, _)| {
                k.strip_prefix(&key)
                    .is_some_and(|rest| rest.starts_with('.'))
            });
            match (value, known(&key)) {
                (Toml::Table(nested), _) if is_section => self.take_table(&key, nested, origin)?,
                (value, Some((key, kind))) => {
                    self.insert(key, typed(key, kind, value, origin)?, origin)
                }
                (_, None) if is_section => {
                    return Err(Invalid::new(
                        origin,
                        format!("{key} is a section: write [{key}] above its settings"),
                    ));
                }
                (_, None) => return Err(unknown(&key, origin)),
            }
        }
        Ok(())
    }

    fn insert(&mut self, key: &'static str, value: Value, origin: &Origin) {
        self.found.insert(key, (value, origin.clone()));
    }

    fn overlay(&mut self, layer: Self) {
        for group in ALTERNATIVES {
            if group.iter().any(|key| layer.found.contains_key(key)) {
                self.found.retain(|key, _| !group.contains(key));
            }
        }
        self.found.extend(layer.found);
    }
}

fn known(key: &str) -> Option<(&'static str, Kind)> {
    SETTINGS.iter().copied().find(|(known, _)| *known == key)
}

fn variable(key: &str) -> String {
    key.to_uppercase().replace('.', "_")
}

fn in_a_section(rest: &str) -> bool {
    SETTINGS
        .iter()
        .filter_map(|(key, _)| key.split_once('.'))
        .any(|(section, _)| {
            rest.strip_prefix(&variable(section))
                .is_some_and(|tail| tail.starts_with('_'))
        })
}

fn unknown(key: &str, origin: &Origin) -> Invalid {
    let nearest = SETTINGS
        .iter()
        .map(|(known, _)| (distance(key, known), *known))
        .min();
    let advice = match nearest {
        Some((distance, known)) if distance <= 3 => format!("did you mean {known}?"),
        _ => "see lectern.example.toml for those there are".to_owned(),
    };
    Invalid::new(origin, format!("{key} is not a setting; {advice}"))
}

/// The number of characters to insert, delete or replace to turn one text into the other.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.chars().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[row.len() - 1]
}

/// A value as an environment variable or a flag writes it; lists are separated by commas.
fn written(key: &str, kind: Kind, text: &str, origin: &Origin) -> Result<Value, Invalid> {
    let items = || {
        text.split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
    };
    Ok(match kind {
        Kind::Text => Value::Text(text.to_owned()),
        Kind::Integer => Value::Integer(text.parse().map_err(|_| {
            Invalid::new(
                origin,
                format!("{key} must be a whole number, not {text:?}"),
            )
        })?),
        Kind::Texts => Value::Texts(items().map(str::to_owned).collect()),
        Kind::IceServers => {
            let servers = items().map(|url| ice_server(key, url, None, origin));
            Value::IceServers(servers.collect::<Result<_, _>>()?)
        }
    })
}

/// A value as the configuration file writes it.
fn typed(key: &str, kind: Kind, value: &Toml, origin: &Origin) -> Result<Value, Invalid> {
    let must_be = |what: &str| Invalid::new(origin, format!("{key} must be {what}"));
    match (kind, value) {
        (Kind::Text, Toml::String(text)) => Ok(Value::Text(text.clone())),
        (Kind::Text, _) => Err(must_be("a text in quotes")),
        (Kind::Integer, Toml::Integer(number)) => Ok(Value::Integer(*number)),
        (Kind::Integer, _) => Err(must_be("a whole number without quotes")),
        (Kind::Texts, Toml::Array(items)) => {
            let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
            let texts: Option<Vec<String>> = texts.collect();
            texts
                .map(Value::Texts)
                .ok_or_else(|| must_be("a list of texts in quotes"))
        }
        (Kind::Texts, _) => Err(must_be("a list of texts, such as [\"one\", \"two\"]")),
        (Kind::IceServers, Toml::Array(items)) => {
            let servers = items.iter().map(|item| ice_server_entry(key, item, origin));
            servers.collect::<Result<_, _>>().map(Value::IceServers)
        }
        (Kind::IceServers, _) => Err(must_be(
            "a list of addresses, such as [\"stun:stun.example.org:3478\"]",
        )),
    }
}

fn ice_server_entry(key: &str, item: &Toml, origin: &Origin) -> Result<IceServer, Invalid> {
    let shape = || {
        let shape = "{ url = \"turn:…\", username = \"…\", credential = \"…\" }";
        Invalid::new(origin, format!("each of {key} must be a text or {shape}"))
    };
    match item {
        Toml::String(url) => ice_server(key, url, None, origin),
        Toml::Table(table) => {
            let field = |name: &str| {
                table
                    .get(name)
                    .and_then(Toml::as_str)
                    .map(str::to_owned)
                    .ok_or_else(shape)
            };
            if table.len() != 3 {
                return Err(shape());
            }
            ice_server(
                key,
                &field("url")?,
                Some((field("username")?, field("credential")?)),
                origin,
            )
        }
        _ => Err(shape()),
    }
}

fn ice_server(
    key: &str,
    url: &str,
    credentials: Option<(String, String)>,
    origin: &Origin,
) -> Result<IceServer, Invalid> {
    let scheme = url.split(':').next().unwrap_or_default();
    // The address and the credentials go into a header's quoted strings, which are no place for these.
    let fits = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\' | b'<' | b'>'))
    };
    let all_fit = fits(url)
        && credentials
            .iter()
            .all(|(name, secret)| fits(name) && fits(secret));
    if !all_fit
        || !matches!(scheme, "stun" | "stuns" | "turn" | "turns")
        || url.len() <= scheme.len() + 1
    {
        let problem = format!(
            "each of {key} must be like stun:host:port or turn:host:port, without spaces or quotes"
        );
        return Err(Invalid::new(origin, problem));
    }
    Ok(IceServer {
        url: url.to_owned(),
        credentials,
    })
}

#[cfg(test)]
mod tests {
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
}
