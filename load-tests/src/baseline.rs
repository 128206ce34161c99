//! The baseline: a small WHIP/WHEP server that forwards through unmodified [`PeerConnection`]s and `TrackLocalStaticRTP`s,
//! as the crate's own broadcast example does.

mod forward;
mod session;

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::routing::{delete, post};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use webrtc::peer_connection::PeerConnection;

use forward::Publication;

/// All sessions of the server.
#[derive(Clone, Default)]
struct Baseline {
    publications: Arc<Mutex<HashMap<String, Arc<Publication>>>>,
    sessions: Arc<Mutex<HashMap<u64, Arc<dyn PeerConnection>>>>,
    next: Arc<AtomicU64>,
}

type Answered = (StatusCode, [(HeaderName, String); 2], String);
type Refused = (StatusCode, String);

/// Serves until `shutdown`: `POST /whip/{lesson}/{source}`, `POST /whep/{lesson}/{source}`, `DELETE /session/{id}`.
pub async fn serve(
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let router = Router::new()
        .route("/whip/{lesson}/{source}", post(publish))
        .route("/whep/{lesson}/{source}", post(watch))
        .route("/session/{id}", delete(end))
        .with_state(Baseline::default());
    axum::serve(listener, router)
        .with_graceful_shutdown(shutdown)
        .await
}

async fn publish(
    State(baseline): State<Baseline>,
    Path((lesson, source)): Path<(String, String)>,
    offer: String,
) -> Result<Answered, Refused> {
    let publication = Arc::new(Publication::new());
    let (connection, answer) = session::publisher(offer, publication.clone())
        .await
        .map_err(refuse)?;
    let name = format!("{lesson}/{source}");
    baseline.publications.lock().await.insert(name, publication);
    Ok(baseline.created(connection, answer).await)
}

async fn watch(
    State(baseline): State<Baseline>,
    Path((lesson, source)): Path<(String, String)>,
    offer: String,
) -> Result<Answered, Refused> {
    let name = format!("{lesson}/{source}");
    let publication = baseline.publications.lock().await.get(&name).cloned();
    let publication =
        publication.ok_or((StatusCode::NOT_FOUND, format!("nobody publishes {name}")))?;
    let (connection, answer) = session::viewer(offer, publication).await.map_err(refuse)?;
    Ok(baseline.created(connection, answer).await)
}

async fn end(State(baseline): State<Baseline>, Path(id): Path<u64>) -> StatusCode {
    // Bound to a name, so that the lock is not held while the connection closes.
    let session = baseline.sessions.lock().await.remove(&id);
    match session {
        Some(connection) => {
            let _ = connection.close().await;
            StatusCode::OK
        }
        None => StatusCode::NOT_FOUND,
    }
}

fn refuse(error: webrtc::error::Error) -> Refused {
    (StatusCode::BAD_REQUEST, error.to_string())
}

impl Baseline {
    async fn created(&self, connection: Arc<dyn PeerConnection>, answer: String) -> Answered {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.sessions.lock().await.insert(id, connection);
        let headers = [
            (header::CONTENT_TYPE, "application/sdp".to_owned()),
            (header::LOCATION, format!("/session/{id}")),
        ];
        (StatusCode::CREATED, headers, answer)
    }
}
