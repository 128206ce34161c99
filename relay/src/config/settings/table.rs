//! Which settings there are.

use super::Origin;
use crate::config::Invalid;

/// What a setting holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Text,
    Integer,
    Texts,
    IceServers,
}

/// Every setting there is.
pub(super) const SETTINGS: &[(&str, Kind)] = &[
    ("lessons", Kind::Texts),
    ("http.listen", Kind::Text),
    ("http.tls", Kind::Text),
    ("http.tls.certificate", Kind::Text),
    ("http.tls.key", Kind::Text),
    ("http.state_dir", Kind::Text),
    ("http.ice_servers", Kind::IceServers),
    ("media.listen", Kind::Texts),
    ("media.protocols", Kind::Texts),
    ("media.base_port", Kind::Integer),
    ("media.tcp_port", Kind::Integer),
    ("media.workers", Kind::Integer),
    ("media.announce", Kind::Texts),
    ("media.max_sessions", Kind::Integer),
    ("auth.key", Kind::Text),
    ("auth.key_file", Kind::Text),
    ("web.dir", Kind::Text),
    ("records.dir", Kind::Text),
    ("log.filter", Kind::Text),
    ("shutdown.grace", Kind::Text),
];

/// Settings of which a later origin's choice of one replaces an earlier origin's choice of the others.
pub(super) const ALTERNATIVES: &[&[&str]] = &[
    &["http.tls", "http.tls.certificate", "http.tls.key"],
    &["auth.key", "auth.key_file"],
];

/// The setting of this name.
pub(super) fn known(key: &str) -> Option<(&'static str, Kind)> {
    SETTINGS.iter().copied().find(|(known, _)| *known == key)
}

/// The end of the setting's environment variable.
pub(super) fn variable(key: &str) -> String {
    key.to_uppercase().replace('.', "_")
}

/// Whether a variable's end begins like a section, so that it must be one of the relay's.
pub(super) fn in_a_section(rest: &str) -> bool {
    SETTINGS
        .iter()
        .filter_map(|(key, _)| key.split_once('.'))
        .any(|(section, _)| {
            rest.strip_prefix(&variable(section))
                .is_some_and(|tail| tail.starts_with('_'))
        })
}

/// The refusal of a name, with the nearest one that exists.
pub(super) fn unknown(key: &str, origin: &Origin) -> Invalid {
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
