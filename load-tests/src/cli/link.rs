//! `lectern-load link`.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use tokio::net::TcpListener;
use url::Url;

use crate::link::{Front, Line, LineReport, Profile, Tally};

/// `lectern-load link`.
#[derive(Debug, Args)]
pub struct LinkArgs {
    /// The line: a name (metro, fibre, 5g-good, 5g-busy, village-4m, lossy-5, lossy-10, burst, outage-5s, step-30-5-30) or a
    /// TOML file.
    #[arg(long)]
    pub profile: String,
    /// The WHIP/WHEP server behind the line.
    #[arg(long, required_unless_present = "udp")]
    pub server: Option<Url>,
    /// Where clients find the server; the address taken is printed. Media ports are free ones of the same IP address.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Forward plain UDP, too: 127.0.0.1:5004=127.0.0.1:6004. May be repeated.
    #[arg(long, value_name = "LISTEN=TARGET", value_parser = pair)]
    pub udp: Vec<(SocketAddr, SocketAddr)>,
    /// The same seed loses the same packets.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Do not check the server's certificate.
    #[arg(long)]
    pub insecure: bool,
}

/// Forwards until interrupted, then says what became of the packets.
pub fn run(args: &LinkArgs) -> anyhow::Result<()> {
    let profile = Profile::load(&args.profile)?;
    let line = Arc::new(Line::start(&profile, args.seed)?);
    println!("{}: {}", profile.name, profile.about);
    for (listen, target) in &args.udp {
        let gate = line
            .open(*listen, *target)
            .with_context(|| format!("{listen} cannot be opened"))?;
        println!("udp   {gate} to {target}");
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve(args, &line))?;
    print!("{}", table(&line.report()?));
    Ok(())
}

async fn serve(args: &LinkArgs, line: &Arc<Line>) -> anyhow::Result<()> {
    let Some(server) = &args.server else {
        return Ok(tokio::signal::ctrl_c().await?);
    };
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("{} cannot be opened", args.listen))?;
    let address = listener.local_addr()?;
    println!("http  http://{address}/ to {server}");
    let front = Front::new(
        Arc::clone(line),
        server.clone(),
        address.ip(),
        args.insecure,
    )?;
    let end = async {
        // Without signals there is no orderly end, but the link works.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    Ok(front.serve(listener, end).await?)
}

fn pair(text: &str) -> Result<(SocketAddr, SocketAddr), String> {
    let parsed = text
        .split_once('=')
        .and_then(|(listen, target)| Some((listen.parse().ok()?, target.parse().ok()?)));
    parsed
        .ok_or_else(|| "LISTEN=TARGET is needed, such as 127.0.0.1:5004=127.0.0.1:6004".to_owned())
}

fn table(report: &LineReport) -> String {
    let mut text =
        "\n           entered  delivered       lost overflowed        cut duplicated\n".to_owned();
    for (name, tally) in [("down", report.down), ("up", report.up)] {
        let Tally {
            entered,
            delivered,
            lost,
            overflowed,
            cut,
            duplicated,
        } = tally;
        text += &format!(
            "{name:6} {entered:11} {delivered:10} {lost:10} {overflowed:10} {cut:10} {duplicated:10}\n"
        );
    }
    if report.unsent > 0 {
        text += &format!(
            "{} packets were lost by this machine's sockets\n",
            report.unsent
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_pairs_of_addresses() {
        let (listen, target) = pair("127.0.0.1:5004=[::1]:6004").unwrap();
        assert_eq!((listen.port(), target.port()), (5004, 6004));
        assert!(pair("127.0.0.1:5004").is_err());
        assert!(pair("5004=6004").is_err());
    }
}
