//! The relay from its first socket to its last: start, announce, serve, drain.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};

use axum::Router;
use axum_server::{Handle, Server};
use hyper_util::rt::TokioTimer;
use tracing::{info, warn};

use crate::config::{Access, Config};
use crate::control::Control;
use crate::http::{self, App};
use crate::metrics::Metrics;
use crate::readiness::Readiness;
use crate::tls::{self, Secured, TlsError};

mod announcement;

pub use announcement::Announcement;

/// A relay whose sockets are open.
#[derive(Debug)]
pub struct Relay {
    config: Config,
    listener: TcpListener,
    address: SocketAddr,
    secured: Secured,
    control: Control,
    readiness: Readiness,
    app: App,
}

/// Why the relay did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The HTTP address is taken or not this machine's.
    #[error(
        "HTTP cannot listen on {address}: {reason}; stop the other program or change http.listen"
    )]
    Http {
        /// `http.listen`.
        address: SocketAddr,
        /// What the system says.
        reason: io::Error,
    },
    /// There is no certificate to serve with.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Relay {
    /// Opens every socket. Nothing is served until [`Relay::run`].
    pub async fn load(config: Config) -> Result<Self, StartError> {
        let address = config.http.listen;
        let failed = |reason| StartError::Http { address, reason };
        let listener = listen(address).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let secured = tls::load(&config.http.tls, address.ip()).await?;
        let control = Control {};
        let readiness = Readiness::new();
        let app = App::new(
            &config,
            control.clone(),
            readiness.clone(),
            Metrics::new([]),
        );
        Ok(Self {
            config,
            listener,
            address,
            secured,
            control,
            readiness,
            app,
        })
    }

    /// Where HTTP listens: the port is the one the system chose when 0 was asked for.
    pub fn http_address(&self) -> SocketAddr {
        self.address
    }

    /// What to tell whoever started the relay.
    pub fn announcement(&self) -> Announcement<'_> {
        Announcement {
            config: &self.config,
            address: self.address,
            secured: &self.secured,
            local: matches!(self.config.access, Access::Local),
        }
    }

    /// Serves until `shutdown` resolves, then drains: new sessions are refused, those there are end, requests under
    /// way get the rest of the grace period.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let handle = Handle::new();
        let router = http::app(self.app);
        let serving = serve(self.listener, self.secured, handle.clone(), router);
        let (control, readiness, grace) = (self.control, self.readiness, self.config.grace);
        let draining = async {
            shutdown.await;
            info!("draining");
            readiness.drain();
            if tokio::time::timeout(grace, end_sessions(&control))
                .await
                .is_err()
            {
                warn!("sessions were still open at the end of the grace period");
            }
            handle.graceful_shutdown(Some(grace));
            std::future::pending::<()>().await;
        };
        tokio::select! {
            result = serving => result,
            () = draining => Ok(()),
        }
    }
}

async fn end_sessions(control: &Control) {
    let _ = control;
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn serve(
    listener: TcpListener,
    secured: Secured,
    handle: Handle<SocketAddr>,
    router: Router,
) -> io::Result<()> {
    let service = router.into_make_service();
    match secured {
        Secured::Plain => {
            patient(axum_server::from_tcp(listener)?.handle(handle))
                .serve(service)
                .await
        }
        Secured::Trusted(config) | Secured::SelfSigned { config, .. } => {
            patient(axum_server::from_tcp_rustls(listener, config)?.handle(handle))
                .serve(service)
                .await
        }
    }
}

/// Bounds how long a connection may take over a request's header, so that slow clients cannot hold on to sockets.
fn patient<A>(mut server: Server<SocketAddr, A>) -> Server<SocketAddr, A> {
    let builder = server.http_builder();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(http::PATIENCE);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(http::PATIENCE)
        .keep_alive_timeout(http::PATIENCE);
    server
}
