//! The value of one setting, as people write it.

use toml::Value as Toml;

use super::Origin;
use super::table::Kind;
use crate::config::{IceServer, Invalid};

/// What was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Texts(Vec<String>),
    IceServers(Vec<IceServer>),
}

/// A value as an environment variable or a flag writes it; lists are separated by commas.
pub(super) fn written(
    key: &str,
    kind: Kind,
    text: &str,
    origin: &Origin,
) -> Result<Value, Invalid> {
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
pub(super) fn typed(
    key: &str,
    kind: Kind,
    value: &Toml,
    origin: &Origin,
) -> Result<Value, Invalid> {
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
