//! The life of a publisher or watcher: connect, stay, come back.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::connection::{ConnectError, Connection};
use crate::retry::Backoff;
use crate::signalling::Messenger;
use crate::{Door, Platform, Refusal};

/// What differs between publishing and watching.
pub(crate) trait Business: Send + 'static {
    /// Makes one connection.
    fn connect(
        &mut self,
        messenger: &Messenger,
        closed: &mut watch::Receiver<()>,
    ) -> impl Future<Output = Result<Connection, ConnectError>> + Send;

    /// Tells the application how it goes.
    fn report(&mut self, change: Change);
}

/// A change of the connection's state.
#[derive(Debug)]
pub(crate) enum Change {
    Connected,
    Disconnected(String),
    Refused(Refusal),
    Retrying(Duration),
}

/// Connects until `closed` fires, which it also does when its sender is dropped.
pub(crate) async fn run(
    platform: Platform,
    door: Door,
    mut business: impl Business,
    mut closed: watch::Receiver<()>,
) {
    let mut backoff = Backoff::new();
    let mut messenger = None;
    loop {
        let wait = match attempt(&platform, &door, &mut messenger, &mut business, &mut closed).await
        {
            Ok(ended) => {
                let (Ended { reason, connected }, connection) = ended;
                match reason {
                    Some(reason) => {
                        business.report(Change::Disconnected(reason.to_owned()));
                        // The farewell may go nowhere and must not hold up the return.
                        platform.runtime.spawn(Box::pin(connection.close()));
                        backoff.after_failure(connected)
                    }
                    None => {
                        connection.close().await;
                        return;
                    }
                }
            }
            Err(ConnectError::Closed) => return,
            Err(ConnectError::Refused(refusal)) if refusal.is_permanent() => {
                business.report(Change::Refused(refusal));
                backoff.after_refusal()
            }
            Err(error) => {
                business.report(Change::Disconnected(error.to_string()));
                backoff.after_failure(Duration::ZERO)
            }
        };
        business.report(Change::Retrying(wait));
        tokio::select! {
            () = platform.runtime.sleep(wait) => {}
            _ = closed.changed() => return,
        }
    }
}

/// How a connection ended.
struct Ended {
    /// `None`: because we were told to leave.
    reason: Option<&'static str>,
    connected: Duration,
}

/// One connection from its beginning to its end; the caller closes it.
async fn attempt(
    platform: &Platform,
    door: &Door,
    messenger: &mut Option<Messenger>,
    business: &mut impl Business,
    closed: &mut watch::Receiver<()>,
) -> Result<(Ended, Connection), ConnectError> {
    let messenger = match messenger {
        Some(messenger) => messenger,
        empty => empty.insert(Messenger::new(&platform.signalling, door)?),
    };
    let mut connection = business.connect(messenger, closed).await?;
    let since: Instant = platform.runtime.now();
    business.report(Change::Connected);
    let reason = tokio::select! {
        reason = connection.ended() => Some(reason),
        _ = closed.changed() => None,
    };
    let connected = platform.runtime.now().saturating_duration_since(since);
    Ok((Ended { reason, connected }, connection))
}
