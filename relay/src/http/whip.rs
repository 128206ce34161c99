//! WHIP: an offer comes in, a publication begins (RFC 9725 §4.2).

use axum::response::Response;
use protocol::Source;
use tracing::{Instrument, field, info, info_span};

use super::created::{SDP, created};
use super::door::Offering;
use super::{Refusal, body};
use crate::control::Publish;

/// `POST /whip/{lesson}/{source}`.
pub(super) async fn publish(
    request: Offering,
    lesson: &str,
    source: &str,
) -> Result<Response, Refusal> {
    let Offering {
        app,
        headers,
        asked,
        body,
    } = request;
    let caller = app.caller(&headers)?;
    let lesson = app.lesson(&caller, lesson)?;
    let source: Source = source.parse().map_err(|_| Refusal::UnknownSource)?;
    let seat = caller.publisher(source, asked.seat)?;
    let span = info_span!("publish", %lesson, %seat, %source, session = field::Empty);
    async {
        app.require_ready()?;
        body::require_type(&headers, SDP)?;
        let offer = body::text(&headers, body, app.shared.patience).await?;
        let session = app
            .shared
            .control
            .publish(Publish {
                lesson,
                source,
                seat,
                offer,
            })
            .await?;
        tracing::Span::current().record(
            "session",
            field::display(super::session::short(&session.id)),
        );
        info!("publishing");
        Ok(created(&app, session))
    }
    .instrument(span)
    .await
}
