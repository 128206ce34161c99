//! `lectern-load baseline-server`.

use std::io::Read;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::BaselineServerArgs;
use crate::baseline;

/// Serves until interrupted, or until standard input is closed by whoever started it with a pipe.
pub fn run(args: &BaselineServerArgs) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(args.listen)
            .await
            .with_context(|| format!("{} cannot be listened on", args.listen))?;
        println!("http://{}", listener.local_addr()?);
        baseline::serve(listener, shutdown()).await?;
        Ok(())
    })
}

async fn shutdown() {
    let (close, closed) = oneshot::channel::<()>();
    // A thread that nobody waits for: a blocked read of standard input cannot be cancelled.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock().by_ref(), &mut std::io::sink());
        drop(close);
    });
    tokio::select! {
        _ = closed => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
