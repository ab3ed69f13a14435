//! Errors as the API tells them: a JSON object with `code`, `error`, `causes` and `hint`, whoever has found what is wrong.

use axum::body::{Body, to_bytes};
use axum::extract::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::error::{self, Blame, Diagnostic};
use crate::limits;

/// An error as it is written.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Refusal {
    code: String,
    error: String,
    #[serde(default)]
    causes: Vec<String>,
    hint: Option<String>,
}

/// Codes that have a status of their own; others are 400 where the caller is at fault, else 500.
const STATUS: &[(&str, StatusCode)] = &[
    ("B001", StatusCode::NOT_FOUND),
    ("R031", StatusCode::NOT_FOUND),
    ("R090", StatusCode::NOT_FOUND),
    ("R120", StatusCode::NOT_FOUND),
    ("R121", StatusCode::NOT_FOUND),
    ("R094", StatusCode::CONFLICT),
    ("R122", StatusCode::MISDIRECTED_REQUEST),
    ("R091", StatusCode::SERVICE_UNAVAILABLE),
    ("R123", StatusCode::SERVICE_UNAVAILABLE),
    ("R132", StatusCode::UNAUTHORIZED),
    ("R133", StatusCode::FORBIDDEN),
];

/// Codes of what is nobody's mistake, though the status is that of one.
const NO_MISTAKE: &[&str] = &["R121", "R122"];

/// A problem as an answer.
pub(super) fn refusal(problem: &Diagnostic) -> Response {
    let Diagnostic { code, message, causes, hint, .. } = problem.clone();
    let usual = if problem.blame == Blame::Usage { StatusCode::BAD_REQUEST } else { StatusCode::INTERNAL_SERVER_ERROR };
    let status = STATUS.iter().find(|(known, _)| *known == code).map_or(usual, |(_, status)| *status);
    let refusal = Refusal { code: code.to_owned(), error: message, causes, hint };
    let mut response = (status, Json(refusal)).into_response();
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
    }
    response
}

/// The problem that an answer tells of.
pub(super) fn told(status: StatusCode, refusal: Refusal) -> Diagnostic {
    let Refusal { code, error, causes, hint } = refusal;
    let code = error::explain(&code).map_or("R035", |known| known.code);
    let usage = status.is_client_error() && !NO_MISTAKE.contains(&code);
    let problem = if usage { Diagnostic::usage(code, error) } else { Diagnostic::run(code, error) };
    Diagnostic { causes, hint, ..problem }
}

/// What the server's own machinery refuses (no such path, a body that is no JSON, one that is too large) is told in the same words.
pub(super) async fn in_json(response: Response) -> Response {
    let status = response.status();
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if is_json || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let why = to_bytes(body, limits::REASON_BYTES).await.unwrap_or_default();
    let problem = match status {
        StatusCode::NOT_FOUND => {
            Diagnostic::usage("R131", "there is nothing at this path").hint("GET /openapi.json lists all that there is")
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            Diagnostic::usage("R131", "this path knows another method").hint("GET /openapi.json lists all that there is")
        }
        _ => Diagnostic::usage("R130", "the request cannot be understood")
            .because(String::from_utf8_lossy(&why))
            .hint("GET /openapi.json says what a request holds"),
    };
    let mut told = refusal(&problem);
    *told.status_mut() = status;
    if let Some(allowed) = parts.headers.get(header::ALLOW) {
        told.headers_mut().insert(header::ALLOW, allowed.clone());
    }
    told.map(Body::new)
}
