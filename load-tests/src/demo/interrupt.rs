//! Ctrl-C and SIGTERM.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Whether somebody asked the demo to end. Asking twice ends it at once.
#[derive(Debug, Clone)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens from now on.
    pub fn listen() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let guard = runtime.enter();
        let signals = [
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        ];
        drop(guard);
        let asked = Arc::new(AtomicBool::new(false));
        let told = asked.clone();
        std::thread::spawn(move || runtime.block_on(wait(signals, &told)));
        Ok(Self(asked))
    }

    /// Whether it was asked.
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

async fn wait([mut interrupted, mut terminated]: [Signal; 2], asked: &AtomicBool) {
    loop {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
        if asked.swap(true, Ordering::Relaxed) {
            // The children end with this process. 130 is what shells say of Ctrl-C.
            std::process::exit(130);
        }
    }
}
