//! What is printed at the start: what listens where, and for whom.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::config::Config;
use crate::tls::Secured;

/// Displays as the lines to print.
#[derive(Debug)]
pub struct Announcement<'a> {
    pub(super) config: &'a Config,
    pub(super) address: SocketAddr,
    pub(super) secured: &'a Secured,
    pub(super) local: bool,
}

impl fmt::Display for Announcement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = reachable(self.address);
        let base = match self.secured {
            Secured::Plain => format!("http://{address}"),
            Secured::Trusted(_) | Secured::SelfSigned { .. } => format!("https://{address}"),
        };
        writeln!(f, "lectern relay {}", env!("CARGO_PKG_VERSION"))?;
        writeln!(f, "  listening  {base} (on {})", self.address)?;
        match &self.config.web {
            Some(dir) => writeln!(f, "  pages      {base}/ (from {})", dir.display())?,
            None => writeln!(f, "  pages      none: set web.dir to serve them")?,
        }
        writeln!(f, "  publish    {base}/whip/LESSON/SOURCE")?;
        writeln!(f, "  watch      {base}/whep/LESSON")?;
        writeln!(f, "  media      {}", media(self.config))?;
        if let Secured::SelfSigned { fingerprint, .. } = self.secured {
            writeln!(f, "  tls        self-signed, SHA-256 {fingerprint}")?;
        }
        if self.local {
            writeln!(
                f,
                "  LOCAL MODE no auth key is set: only this machine can connect, and whoever does may do everything."
            )?;
            writeln!(
                f,
                "             Set auth.key_file to open the relay to others."
            )?;
        } else if matches!(self.secured, Secured::Plain) && !self.address.ip().is_loopback() {
            writeln!(
                f,
                "  WARNING    tokens travel unencrypted: put a TLS proxy in front, or set http.tls"
            )?;
        }
        Ok(())
    }
}

/// An address to type into a browser on this machine.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        ip if !ip.is_unspecified() => address,
        IpAddr::V4(_) => SocketAddr::new([127, 0, 0, 1].into(), address.port()),
        IpAddr::V6(_) => SocketAddr::new([0, 0, 0, 0, 0, 0, 0, 1].into(), address.port()),
    }
}

fn media(config: &Config) -> String {
    let media = &config.media;
    let join = |addresses: &[IpAddr]| {
        addresses
            .iter()
            .map(IpAddr::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let workers = media.workers.get();
    let ports = match usize::from(media.base_port) {
        0 => "any free ports".to_owned(),
        first if workers == 1 => format!("port {first}"),
        first => format!("ports {first} to {}", first + workers - 1),
    };
    let announced = match media.announce.as_slice() {
        [] => String::new(),
        addresses => format!(", announced as {}", join(addresses)),
    };
    let udp = media.protocols.has_udp().then(|| format!("UDP {ports}"));
    let tcp = media.protocols.tcp_port().map(|port| match port {
        0 => "TCP any free port".to_owned(),
        port => format!("TCP port {port}"),
    });
    let protocols: Vec<_> = udp.into_iter().chain(tcp).collect();
    format!(
        "{}, {}, {workers} workers{announced}",
        join(&media.listen),
        protocols.join(", ")
    )
}
