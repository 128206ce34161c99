//! A relay in this process, and whatever runs beside it.

use std::num::NonZeroUsize;
use std::time::Duration;

use participant::Door;
use relay::config::{Access, Config, Http, Media, Tls};
use relay::run::Relay;
use tokio::sync::watch as latest;
use tokio::task::JoinHandle;

/// Something that runs until it is told to end, and then ends well.
pub struct Running {
    stop: latest::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    pub fn spawn<F: Future<Output = ()> + Send + 'static>(run: impl FnOnce(Shutdown) -> F) -> Self {
        let (stop, stopped) = latest::channel(false);
        let task = tokio::spawn(run(Shutdown(stopped)));
        Self { stop, task }
    }

    pub async fn end(self) {
        self.stop.send_replace(true);
        self.task.await.unwrap();
    }
}

pub struct Shutdown(latest::Receiver<bool>);

impl Shutdown {
    /// Until it is to end.
    pub async fn wait(mut self) {
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

/// A relay on ports of the system's choice, and its address.
pub async fn relay() -> (Running, String) {
    let config = Config {
        http: Http {
            listen: "127.0.0.1:0".parse().unwrap(),
            tls: Tls::Plain,
            ice_servers: Vec::new(),
        },
        media: Media {
            listen: vec!["127.0.0.1".parse().unwrap()],
            protocols: relay::config::Protocols::UdpAndTcp { tcp_port: 0 },
            base_port: 0,
            workers: NonZeroUsize::MIN,
            announce: Vec::new(),
            max_sessions: 10,
        },
        access: Access::Local,
        lessons: None,
        records: None,
        web: None,
        log: "info".into(),
        grace: Duration::from_secs(1),
    };
    let relay = Relay::load(config).await.unwrap();
    let address = relay.http_address().to_string();
    let running =
        Running::spawn(|shutdown| async move { relay.run(shutdown.wait()).await.unwrap() });
    (running, address)
}

/// An address at a relay.
pub fn door(address: &str, path: &str) -> Door {
    Door::new(format!("http://{address}/{path}").parse().unwrap())
}
