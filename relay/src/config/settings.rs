//! What was found for each setting in the file, the environment and the flags.

mod table;
mod value;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use toml::{Table, Value as Toml};

use super::{IceServer, Invalid};
use table::{ALTERNATIVES, SETTINGS, in_a_section, known, unknown, variable};
use value::{Value, typed, written};

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

#[cfg(test)]
mod tests;
