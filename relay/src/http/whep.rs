//! WHEP: an offer comes in, slots are filled (draft-ietf-wish-whep-03 §4.2).

use axum::response::Response;
use protocol::Source;
use tracing::{Instrument, field, info, info_span};

use super::created::{SDP, created};
use super::door::{Asked, Offering};
use super::{Refusal, body};
use crate::control::{View, Watch};

/// `POST /whep/{lesson}` and, with a source, `POST /whep/{lesson}/{source}`.
pub(super) async fn watch(
    request: Offering,
    lesson: &str,
    source: Option<&str>,
) -> Result<Response, Refusal> {
    let Offering {
        app,
        headers,
        asked,
        body,
    } = request;
    let caller = app.caller(&headers)?;
    let lesson = app.lesson(&caller, lesson)?;
    let (view, asked) = view(source, asked)?;
    let (seat, role) = caller.viewer(&view, asked.seat)?;
    let span = info_span!("watch", %lesson, %seat, source = source.map(field::display), session = field::Empty);
    async {
        app.require_ready()?;
        body::require_type(&headers, SDP)?;
        let offer = body::text(&headers, body, app.shared.patience).await?;
        let session = app
            .shared
            .control
            .watch(Watch {
                lesson,
                view,
                seat,
                role,
                offer,
            })
            .await?;
        tracing::Span::current().record(
            "session",
            field::display(super::session::short(&session.id)),
        );
        info!("watching");
        Ok(created(&app, session))
    }
    .instrument(span)
    .await
}

/// For a room, `?seat=` says whose; for everything else it is left for the caller's own name.
fn view(source: Option<&str>, asked: Asked) -> Result<(View, Asked), Refusal> {
    let Some(source) = source else {
        return Ok((View::Lesson, asked));
    };
    match source.parse().map_err(|_| Refusal::UnknownSource)? {
        Source::Room if asked.seat.is_none() => Err(Refusal::Malformed(
            "say whose room to watch: add ?seat= and the room's seat".into(),
        )),
        Source::Room => Ok((
            View::Publication {
                source: Source::Room,
                seat: asked.seat,
            },
            Asked::default(),
        )),
        source => Ok((View::Publication { source, seat: None }, asked)),
    }
}
