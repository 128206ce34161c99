//! A lesson's lines, asked for once.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use protocol::line::{LessonLines, Listener};

use super::{App, Refusal};

/// `GET /api/lessons/{lesson}/lines`: for those who watch over the lesson.
pub(super) async fn lines(
    State(app): State<App>,
    Path(lesson): Path<String>,
    headers: HeaderMap,
) -> Result<Json<LessonLines>, Refusal> {
    let caller = app.caller(&headers)?;
    let lesson = app.lesson(&caller, &lesson)?;
    caller.may_oversee()?;
    let news = app.shared.control.lines().since(&lesson, None, 0);
    let lines = news.changed.into_iter();
    Ok(Json(LessonLines {
        lines: lines.map(|line| line.told_to(Listener::Onlooker)).collect(),
        lesson,
    }))
}
