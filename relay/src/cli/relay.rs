//! `lectern relay`.

use std::io::IsTerminal;

use clap::Args;
use tracing_subscriber::EnvFilter;

use super::{Failure, Sources, checked};
use crate::config::{Config, Settings};
use crate::run::Relay;
use crate::shutdown;

/// Flags of `lectern relay`; each replaces the setting it names.
#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    sources: Sources,
    /// Only check the configuration.
    #[arg(long)]
    check: bool,
    /// http.listen: address and port of HTTP.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// http.tls: plain or self-signed.
    #[arg(long, value_name = "HOW")]
    tls: Option<String>,
    /// media.listen: addresses for media, separated by commas.
    #[arg(long, value_name = "ADDRESSES")]
    media_listen: Option<String>,
    /// media.base_port: UDP port of the first worker; 0 takes any free ones.
    #[arg(long, value_name = "PORT")]
    base_port: Option<String>,
    /// media.tcp_port: TCP port of all workers; 0 takes any free one.
    #[arg(long, value_name = "PORT")]
    tcp_port: Option<String>,
    /// media.protocols: udp, tcp, or both separated by a comma.
    #[arg(long, value_name = "PROTOCOLS")]
    protocols: Option<String>,
    /// media.workers: how many media workers.
    #[arg(long, value_name = "COUNT")]
    workers: Option<String>,
    /// media.announce: public addresses, separated by commas.
    #[arg(long, value_name = "ADDRESSES")]
    announce: Option<String>,
    /// web.dir: folder of the built web pages.
    #[arg(long, value_name = "FOLDER")]
    web_dir: Option<String>,
    /// log.filter: what is logged, for instance info,relay=debug.
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
}

impl Options {
    pub(super) fn execute(&self) -> Result<(), Failure> {
        let config = checked(&self.settings()?)?;
        if self.check {
            println!("the configuration is good");
            return Ok(());
        }
        tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(&config.log))
            .with_ansi(std::io::stderr().is_terminal())
            .with_writer(std::io::stderr)
            .init();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::Happened(format!("no threads to run on: {error}")))?;
        runtime.block_on(serve(config))
    }

    fn settings(&self) -> Result<Settings, Failure> {
        let mut settings = self.sources.settings()?;
        let flags = [
            ("--listen", "http.listen", &self.listen),
            ("--tls", "http.tls", &self.tls),
            ("--media-listen", "media.listen", &self.media_listen),
            ("--base-port", "media.base_port", &self.base_port),
            ("--tcp-port", "media.tcp_port", &self.tcp_port),
            ("--protocols", "media.protocols", &self.protocols),
            ("--workers", "media.workers", &self.workers),
            ("--announce", "media.announce", &self.announce),
            ("--web-dir", "web.dir", &self.web_dir),
            ("--log", "log.filter", &self.log),
        ];
        for (flag, key, value) in flags {
            if let Some(value) = value {
                settings.flag(flag, key, value)?;
            }
        }
        Ok(settings)
    }
}

async fn serve(config: Config) -> Result<(), Failure> {
    let happened = |error: &dyn std::fmt::Display| Failure::Happened(error.to_string());
    let shutdown = shutdown::requested().map_err(|error| happened(&error))?;
    let relay = Relay::load(config)
        .await
        .map_err(|error| happened(&error))?;
    print!("{}", relay.announcement());
    relay.run(shutdown).await.map_err(|error| happened(&error))
}
