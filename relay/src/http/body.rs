//! Reading a request body from a client that may be wrong, endless or slow.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};

use super::Refusal;

/// Longest body taken, in bytes. The longest offers of browsers, with every codec and a dozen m-lines, are half of it.
pub(super) const LIMIT: usize = 64 * 1024;

/// Refuses a body of another media type; parameters such as `charset` do not matter.
pub(super) fn require_type(headers: &HeaderMap, wanted: &'static str) -> Result<(), Refusal> {
    let sent = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = sent.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(wanted) {
        Ok(())
    } else {
        Err(Refusal::MediaType(wanted))
    }
}

/// The whole body as text, if it comes within `patience` and [`LIMIT`].
pub(super) async fn text(
    headers: &HeaderMap,
    body: Body,
    patience: Duration,
) -> Result<String, Refusal> {
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > LIMIT) {
        return Err(Refusal::TooLarge { limit: LIMIT });
    }
    let bytes = tokio::time::timeout(patience, collect(body))
        .await
        .map_err(|_| Refusal::TooSlow)??;
    String::from_utf8(bytes).map_err(|_| Refusal::Malformed("the body is not UTF-8 text".into()))
}

async fn collect(mut body: Body) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let frame = frame.map_err(|_| Refusal::Malformed("the body broke off".into()))?;
        let Ok(part) = frame.into_data() else {
            continue;
        };
        if bytes.len() + part.len() > LIMIT {
            return Err(Refusal::TooLarge { limit: LIMIT });
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes)
}
