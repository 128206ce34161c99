//! Everything HTTP: WHIP (RFC 9725), WHEP (draft-ietf-wish-whep-03), the event stream, web pages, health and metrics.
//!
//! [`app`] is a plain `Router`, so that tests call it without a socket. Media sessions are made and ended behind
//! [`Control`]; nothing here touches a packet.

mod access;
mod body;
mod created;
mod door;
mod events;
mod finish;
mod health;
mod lines;
mod pages;
mod refusal;
mod session;
mod whep;
mod whip;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::HeaderValue;
use axum::middleware;
use axum::routing::{any, get};
use protocol::LessonId;

use crate::config::{self, IceServer};
use crate::control::Control;
use crate::metrics::Metrics;
use crate::readiness::Readiness;
use crate::tokens::Verifier;

pub use refusal::Refusal;

/// How long a client may take to send a request's header, and again for its body.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What the HTTP door needs to know. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    control: Control,
    access: access::Access,
    lessons: Option<BTreeSet<LessonId>>,
    ice_links: Vec<HeaderValue>,
    web: Option<PathBuf>,
    readiness: Readiness,
    metrics: Metrics,
    listeners: events::Listeners,
    patience: Duration,
}

impl App {
    /// Puts the configured doors in front of `control`.
    pub fn new(
        config: &config::Config,
        control: Control,
        readiness: Readiness,
        metrics: Metrics,
    ) -> Self {
        let access = match &config.access {
            config::Access::Local => access::Access::Local,
            config::Access::Keyed(key) => access::Access::Keyed(Box::new(Verifier::new(key))),
        };
        Self {
            shared: Arc::new(Shared {
                control,
                access,
                lessons: config.lessons.clone(),
                ice_links: config
                    .http
                    .ice_servers
                    .iter()
                    .filter_map(ice_link)
                    .collect(),
                web: config.web.clone(),
                readiness,
                metrics,
                listeners: events::Listeners::default(),
                patience: PATIENCE,
            }),
        }
    }
}

/// RFC 9725 §4.6: one `Link` per server.
fn ice_link(server: &IceServer) -> Option<HeaderValue> {
    let mut link = format!("<{}>; rel=\"ice-server\"", server.url);
    if let Some((username, credential)) = &server.credentials {
        link += &format!(
            "; username=\"{username}\"; credential=\"{credential}\"; credential-type=\"password\""
        );
    }
    HeaderValue::try_from(link).ok()
}

/// The routes.
pub fn app(app: App) -> Router {
    Router::new()
        .route("/whip/{lesson}/{source}", any(door::whip))
        .route("/whep/{lesson}", any(door::whep_lesson))
        .route("/whep/{lesson}/{source}", any(door::whep_publication))
        .route("/session/{id}", any(session::session))
        .route("/api/lessons/{lesson}/events", any(events::events))
        .route("/api/lessons/{lesson}/lines", get(lines::lines))
        .route("/healthz", get(health::healthz))
        .route("/metrics", get(health::metrics))
        .fallback_service(pages::pages(app.shared.web.as_deref()))
        .layer(middleware::from_fn_with_state(app.clone(), finish::finish))
        .with_state(app)
}

#[cfg(test)]
mod tests;
