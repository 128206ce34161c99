//! From settings to [`Config`].

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing_subscriber::EnvFilter;

use super::{Access, Config, Http, Invalid, Media, Protocols, Settings, Tls, duration};
use crate::tokens::Key;

const DEFAULT_HTTP_PORT: u16 = 8443;
const DEFAULT_BASE_PORT: u16 = 8500;
const DEFAULT_MAX_SESSIONS: u32 = 2_000;
const DEFAULT_GRACE: Duration = Duration::from_secs(5);
/// rtc-dtls warns of every extension it does not know, several times per handshake with a browser.
const DEFAULT_LOG: &str = "info,rtc_dtls=error";
/// Below the folder that the relay is started in.
const DEFAULT_RECORDS: &str = "records";
/// More workers than this is a typing error.
const MAX_WORKERS: u32 = 256;

/// How the settings that name files are looked up; tests supply their own.
pub trait Files {
    /// The text of a file.
    fn read(&self, path: &Path) -> io::Result<String>;
    /// Whether there is a folder.
    fn is_dir(&self, path: &Path) -> bool;
}

impl Config {
    /// Checks every setting and how they fit together. `cores` is how many workers there are unless told otherwise.
    pub fn build(
        settings: &Settings,
        files: &dyn Files,
        cores: NonZeroUsize,
    ) -> Result<Self, Invalid> {
        let access = access(settings, files)?;
        let config = Self {
            http: http(settings, files, &access)?,
            media: media(settings, &access, cores)?,
            lessons: settings
                .parsed_list(
                    "lessons",
                    "a list of names of letters, digits, '-', '_' and '.'",
                )?
                .map(|lessons| lessons.into_iter().collect()),
            web: web(settings, files)?,
            records: records(settings)?,
            log: log(settings)?,
            grace: grace(settings)?,
            access,
        };
        if matches!(config.access, Access::Local) {
            refuse_other_machines(settings, &config)?;
        }
        Ok(config)
    }
}

/// The signing key, if there is one. Also what `lectern token` needs and all it needs.
pub fn key(settings: &Settings, files: &dyn Files) -> Result<Option<Key>, Invalid> {
    let (setting, text) = match (settings.text("auth.key"), settings.text("auth.key_file")) {
        (Some(_), Some(_)) => {
            let problem = "auth.key and auth.key_file are both set: remove one";
            return Err(Invalid::new(&settings.origin("auth.key_file"), problem));
        }
        (Some(text), None) => ("auth.key", text.to_owned()),
        (None, Some(path)) => {
            let text = read(settings, files, "auth.key_file", path)?;
            (
                "auth.key_file",
                text.trim_end_matches(['\r', '\n']).to_owned(),
            )
        }
        (None, None) => return Ok(None),
    };
    Key::new(text.into_bytes())
        .map(Some)
        .map_err(|weak| Invalid::new(&settings.origin(setting), format!("{setting} {weak}")))
}

fn access(settings: &Settings, files: &dyn Files) -> Result<Access, Invalid> {
    Ok(key(settings, files)?.map_or(Access::Local, Access::Keyed))
}

fn http(settings: &Settings, files: &dyn Files, access: &Access) -> Result<Http, Invalid> {
    let listen = settings
        .parsed(
            "http.listen",
            "an address and a port such as \"0.0.0.0:8443\"",
        )?
        .unwrap_or(SocketAddr::new(everywhere(access), DEFAULT_HTTP_PORT));
    Ok(Http {
        listen,
        tls: tls(settings, files, access)?,
        ice_servers: settings.ice_servers(),
    })
}

fn tls(settings: &Settings, files: &dyn Files, access: &Access) -> Result<Tls, Invalid> {
    let self_signed = || Tls::SelfSigned {
        state_dir: settings.text("http.state_dir").map(PathBuf::from),
    };
    let (certificate, key) = (
        settings.text("http.tls.certificate"),
        settings.text("http.tls.key"),
    );
    match (settings.text("http.tls"), certificate, key) {
        (Some("plain"), ..) => Ok(Tls::Plain),
        (Some("self-signed"), ..) => Ok(self_signed()),
        (Some(other), ..) => {
            let choices = "\"plain\", \"self-signed\" or { certificate = \"…\", key = \"…\" }";
            let problem = format!("http.tls must be {choices}, not {other:?}");
            Err(Invalid::new(&settings.origin("http.tls"), problem))
        }
        (None, Some(certificate), Some(key)) => {
            read(settings, files, "http.tls.certificate", certificate)?;
            read(settings, files, "http.tls.key", key)?;
            Ok(Tls::Files {
                certificate: certificate.into(),
                key: key.into(),
            })
        }
        (None, Some(_), None) => {
            let problem = "http.tls.certificate needs http.tls.key beside it";
            Err(Invalid::new(
                &settings.origin("http.tls.certificate"),
                problem,
            ))
        }
        (None, None, Some(_)) => {
            let problem = "http.tls.key needs http.tls.certificate beside it";
            Err(Invalid::new(&settings.origin("http.tls.key"), problem))
        }
        (None, None, None) => Ok(match access {
            Access::Local => Tls::Plain,
            Access::Keyed(_) => self_signed(),
        }),
    }
}

fn media(settings: &Settings, access: &Access, cores: NonZeroUsize) -> Result<Media, Invalid> {
    let address = "a list of IP addresses such as [\"192.0.2.10\"]";
    let workers = match settings.integer("media.workers", 1..=MAX_WORKERS)? {
        Some(count) => NonZeroUsize::new(count as usize).unwrap_or(cores),
        None => cores,
    };
    let base_port = port(settings, "media.base_port")?.unwrap_or(DEFAULT_BASE_PORT);
    if base_port != 0 && usize::from(base_port) + workers.get() > usize::from(u16::MAX) + 1 {
        let problem = format!(
            "media.base_port {base_port} leaves no room for {workers} workers: choose a lower one"
        );
        return Err(Invalid::new(&settings.origin("media.base_port"), problem));
    }
    let listen = settings
        .parsed_list("media.listen", address)?
        .unwrap_or_else(|| vec![everywhere(access)]);
    if listen.is_empty() {
        return Err(Invalid::new(
            &settings.origin("media.listen"),
            "media.listen is empty: name an address",
        ));
    }
    // What is sent leaves from the socket of its family: with two, from the wrong address for the clients of the other.
    let of_family = |four| listen.iter().filter(|ip| ip.is_ipv4() == four).count();
    if of_family(true) > 1 || of_family(false) > 1 {
        return Err(Invalid::new(
            &settings.origin("media.listen"),
            "media.listen names two addresses of one family: name one of each, or 0.0.0.0 or :: for all",
        ));
    }
    Ok(Media {
        listen,
        protocols: protocols(settings, base_port)?,
        base_port,
        workers,
        announce: settings
            .parsed_list("media.announce", address)?
            .unwrap_or_default(),
        max_sessions: settings
            .integer("media.max_sessions", 1..=1_000_000)?
            .unwrap_or(DEFAULT_MAX_SESSIONS) as usize,
    })
}

/// TCP is on the number of the first UDP port unless told: one thing less to tell those who run the firewall.
fn protocols(settings: &Settings, base_port: u16) -> Result<Protocols, Invalid> {
    let tcp_port = port(settings, "media.tcp_port")?.unwrap_or(base_port);
    let names: Option<Vec<String>> =
        settings.parsed_list("media.protocols", "a list of \"udp\" and \"tcp\"")?;
    let Some(mut names) = names else {
        return Ok(Protocols::UdpAndTcp { tcp_port });
    };
    names.sort_unstable();
    names.dedup();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    match names.as_slice() {
        ["udp"] => Ok(Protocols::Udp),
        ["tcp"] => Ok(Protocols::Tcp { tcp_port }),
        ["tcp", "udp"] => Ok(Protocols::UdpAndTcp { tcp_port }),
        _ => {
            let problem = "media.protocols must name \"udp\", \"tcp\" or both, and nothing else";
            Err(Invalid::new(&settings.origin("media.protocols"), problem))
        }
    }
}

fn port(settings: &Settings, key: &str) -> Result<Option<u16>, Invalid> {
    let port = settings.integer(key, 0..=u32::from(u16::MAX))?;
    Ok(port.and_then(|port| u16::try_from(port).ok()))
}

fn web(settings: &Settings, files: &dyn Files) -> Result<Option<PathBuf>, Invalid> {
    let dir = settings.text("web.dir").map(PathBuf::from);
    match dir {
        Some(dir) if !files.is_dir(&dir) => {
            let problem = format!(
                "web.dir {} is not a folder: build the pages or remove the setting",
                dir.display()
            );
            Err(Invalid::new(&settings.origin("web.dir"), problem))
        }
        dir => Ok(dir),
    }
}

/// The folder need not exist: it is made when there is something to put into it.
fn records(settings: &Settings) -> Result<Option<PathBuf>, Invalid> {
    match settings.text("records.dir").unwrap_or(DEFAULT_RECORDS) {
        "no" => Ok(None),
        "" => Err(Invalid::new(
            &settings.origin("records.dir"),
            "records.dir is empty: name a folder, or write \"no\" to keep no records",
        )),
        dir => Ok(Some(dir.into())),
    }
}

fn log(settings: &Settings) -> Result<String, Invalid> {
    let filter = settings.text("log.filter").unwrap_or(DEFAULT_LOG);
    EnvFilter::try_new(filter).map_err(|_| {
        let problem =
            format!("log.filter must be like \"info\" or \"info,relay=debug\", not {filter:?}");
        Invalid::new(&settings.origin("log.filter"), problem)
    })?;
    Ok(filter.to_owned())
}

fn grace(settings: &Settings) -> Result<Duration, Invalid> {
    let Some(text) = settings.text("shutdown.grace") else {
        return Ok(DEFAULT_GRACE);
    };
    duration::parse(text).map_err(|wrong| {
        Invalid::new(
            &settings.origin("shutdown.grace"),
            format!("shutdown.grace is {text:?}, but {wrong}"),
        )
    })
}

/// Where to listen unless told: without a key, nobody but this machine may reach the relay.
fn everywhere(access: &Access) -> IpAddr {
    match access {
        Access::Local => Ipv4Addr::LOCALHOST.into(),
        Access::Keyed(_) => Ipv4Addr::UNSPECIFIED.into(),
    }
}

fn refuse_other_machines(settings: &Settings, config: &Config) -> Result<(), Invalid> {
    let http = [config.http.listen.ip()];
    let doors: [(&str, &[IpAddr]); 3] = [
        ("http.listen", &http),
        ("media.listen", &config.media.listen),
        ("media.announce", &config.media.announce),
    ];
    for (key, addresses) in doors {
        if let Some(address) = addresses.iter().find(|address| !address.is_loopback()) {
            let problem = format!(
                "{key} {address} is open to other machines but there is no key: set auth.key_file, or use 127.0.0.1"
            );
            return Err(Invalid::new(&settings.origin(key), problem));
        }
    }
    Ok(())
}

fn read(settings: &Settings, files: &dyn Files, key: &str, path: &str) -> Result<String, Invalid> {
    files.read(Path::new(path)).map_err(|error| {
        Invalid::new(
            &settings.origin(key),
            format!("{key} {path} cannot be read: {error}"),
        )
    })
}

#[cfg(test)]
mod tests;
