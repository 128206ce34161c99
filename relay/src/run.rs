//! The relay from its first socket to its last: start, announce, serve, drain.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};

use axum::Router;
use axum_server::{Handle, Server};
use hyper_util::rt::TokioTimer;
use prometheus_client::collector::Collector;
use tracing::{info, warn};

use crate::config::{Access, Config};
use crate::http::{self, App};
use crate::lines::{Archive, Keeper};
use crate::media::{self, Media};
use crate::metrics::{self, Metrics};
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
    media: Media,
    readiness: Readiness,
    archive: Archive,
    keeper: Option<Keeper>,
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
    /// The media side did not start.
    #[error(transparent)]
    Media(#[from] media::StartError),
}

impl Relay {
    /// Opens every socket. Nothing is served until [`Relay::run`].
    pub async fn load(config: Config) -> Result<Self, StartError> {
        let address = config.http.listen;
        let failed = |reason| StartError::Http { address, reason };
        let listener = listen(address).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let secured = tls::load(&config.http.tls, address.ip()).await?;
        let media = Media::start(&config.media)?;
        let control = media.control();
        let readiness = Readiness::new();
        let (archive, keeper) = Archive::open(config.records.clone());
        let lines = metrics::Lines::new(control.lines().clone(), archive.kept());
        let metrics = Metrics::new([
            Box::new(metrics::Media(control.clone())) as Box<dyn Collector>,
            Box::new(lines),
        ]);
        let app = App::new(&config, control, readiness.clone(), metrics);
        Ok(Self {
            config,
            listener,
            address,
            secured,
            media,
            readiness,
            archive,
            keeper,
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
    ///
    /// # Errors
    ///
    /// [`ServeError`] when it ends without having been asked to.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
        let control = self.media.control();
        let attending = async {
            // What the end of the lessons leaves to write is written before this is over.
            let keeping = async {
                if let Some(keeper) = self.keeper {
                    keeper.run().await;
                }
            };
            tokio::join!(self.media.attend(self.archive), keeping);
        };
        tokio::pin!(attending);
        let handle = Handle::new();
        let serving = serve(
            self.listener,
            self.secured,
            handle.clone(),
            http::app(self.app),
        );
        tokio::pin!(serving);
        tokio::select! {
            result = &mut serving => return Ok(result?),
            () = &mut attending => return Err(ServeError::Workers),
            () = shutdown => {}
        }
        info!("draining");
        self.readiness.drain();
        control.stop();
        handle.graceful_shutdown(Some(self.config.grace));
        let drained = async { tokio::join!(attending, serving).1 };
        match tokio::time::timeout(self.config.grace, drained).await {
            Ok(result) => Ok(result?),
            Err(_) => {
                warn!("the grace period is over before everything has ended");
                Ok(())
            }
        }
    }
}

/// Why the relay ended without having been asked to.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// HTTP failed.
    #[error("HTTP has failed: {0}")]
    Http(#[from] io::Error),
    /// Every media worker has stopped.
    #[error("the media workers have stopped: the log says why")]
    Workers,
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

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::path::Path;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::sync::oneshot;

    use super::*;
    use crate::config::{Files, Settings};

    struct NoFiles;

    impl Files for NoFiles {
        fn read(&self, _: &Path) -> io::Result<String> {
            Err(io::ErrorKind::NotFound.into())
        }
        fn is_dir(&self, _: &Path) -> bool {
            false
        }
    }

    /// A configuration of free ports on loopback.
    fn config(more: &[(&str, &str)]) -> Config {
        let mut settings = Settings::default();
        let free = [
            ("http.listen", "127.0.0.1:0"),
            ("media.listen", "127.0.0.1"),
            ("media.base_port", "0"),
        ];
        for (key, value) in free.iter().chain(more) {
            settings.flag("--set", key, value).unwrap();
        }
        Config::build(&settings, &NoFiles, NonZeroUsize::MIN).unwrap()
    }

    async fn ask(address: SocketAddr, path: &str) -> String {
        let mut connection = TcpStream::connect(address).await.unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn it_serves_until_told_to_end() {
        let relay = Relay::load(config(&[])).await.unwrap();
        let address = relay.http_address();
        let (stop, stopped) = oneshot::channel::<()>();
        let asking = async {
            assert!(ask(address, "/healthz").await.starts_with("HTTP/1.1 200 "));
            stop.send(()).unwrap();
        };
        let (result, ()) = tokio::join!(relay.run(async { stopped.await.unwrap() }), asking);
        result.unwrap();
        assert!(
            TcpStream::connect(address).await.is_err(),
            "still listening"
        );
    }

    #[tokio::test]
    async fn a_taken_port_is_told_in_one_line() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let error = Relay::load(config(&[("http.listen", &address)]))
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with(&format!("HTTP cannot listen on {address}: ")),
            "{error}"
        );
        assert_eq!(error.lines().count(), 1);
    }

    #[tokio::test]
    async fn the_local_mode_is_announced_and_no_other() {
        let local = Relay::load(config(&[])).await.unwrap();
        let text = local.announcement().to_string();
        assert!(text.contains("LOCAL MODE"), "{text}");
        assert!(
            text.contains(&format!("http://{}/whip/", local.http_address())),
            "{text}"
        );

        let key = "0123456789abcdef0123456789abcdef";
        let keyed = Relay::load(config(&[("auth.key", key)])).await.unwrap();
        let text = keyed.announcement().to_string();
        assert!(
            !text.contains("LOCAL MODE") && !text.contains(key),
            "{text}"
        );
        assert!(
            text.contains("https://") && text.contains("self-signed, SHA-256 "),
            "{text}"
        );
    }
}
