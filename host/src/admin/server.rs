//! The desk behind the control socket: HTTP over a Unix socket that only the owner can open (mode 0600).
//!
//! | call | answer |
//! |---|---|
//! | `GET /status` | [`StatusReport`](super::StatusReport) |
//! | `POST /topics/{topic}/records`, record lines | `{"produced": n}` |
//! | `POST /topics/{topic}/page`, [`PageRequest`] | [`Page`](super::Page) |
//! | `POST /resume`, `{"task": name or null}` | `{"resumed": [name, ..]}` |
//! | `POST /swap`, [`SwapRequest`] | [`SwapReport`](super::SwapReport) |
//! | `POST /rollback`, [`RollBackRequest`] | [`SwapReport`](super::SwapReport) |
//! | `GET /deployments` | [`DeployedReport`](super::DeployedReport) |
//! | `POST /deployments/plan`, [`PlanRequest`] | [`PlanReport`](super::PlanReport) |
//! | `POST /deployments`, [`DeployRequest`] | [`DeployedReport`](super::DeployedReport) |
//! | `POST /dead-letters/list`, [`LettersRequest`] | [`LettersPage`](super::LettersPage) |
//! | `POST /dead-letters/show`, [`RecordPlace`] | [`WholeLetter`](super::WholeLetter) |
//! | `POST /dead-letters/retry`, [`RetryRequest`] | a list of [`Retried`](super::Retried) |
//!
//! An error is a JSON object with `code`, `message`, `causes` and `hint`; status 400 when the caller is at fault, else 500.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Json, Path as UrlPath, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Serialize;
use tokio::net::UnixListener;

use super::deployments::{DeployRequest, PlanRequest};
use super::desk::{Desk, PageRequest};
use super::letters::{LettersRequest, RetryRequest};
use super::place::RecordPlace;
use super::serving::Serving;
use super::swap::{RollBackRequest, SwapRequest};
use crate::error::{Blame, Diagnostic, in_one};
use crate::limits;

/// The socket's server, on a thread of its own.
pub struct ControlServer {
    path: PathBuf,
    serving: Option<Serving>,
}

impl ControlServer {
    /// Listens at `path`. Whoever calls holds the state folder's lock, so a socket that is there already belongs to nobody.
    pub fn start(path: &Path, desk: Arc<Desk>) -> Result<Self, Diagnostic> {
        let failed = |why: std::io::Error| {
            Diagnostic::run("R033", format!("the control socket {} cannot be opened", path.display()))
                .because(why)
                .hint("a Unix socket's path has at most 107 bytes: a state folder with a shorter path helps (`--state-dir`)")
        };
        let runtime = Serving::runtime().map_err(failed)?;
        let _ = std::fs::remove_file(path);
        let listener = {
            let _inside = runtime.enter();
            UnixListener::bind(path).map_err(failed)?
        };
        std::fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(failed)?;
        let serving = Serving::start("control socket", runtime, listener, router(desk)).map_err(failed)?;
        Ok(Self { path: path.to_owned(), serving: Some(serving) })
    }
}

impl Drop for ControlServer {
    fn drop(&mut self) {
        drop(self.serving.take());
        let _ = std::fs::remove_file(&self.path);
    }
}

fn router(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/status", get(status))
        .route("/topics/{topic}/records", post(produce))
        .route("/topics/{topic}/page", post(page))
        .route("/resume", post(resume))
        .route("/swap", post(swap))
        .route("/rollback", post(roll_back))
        .route("/deployments", get(deployed).post(deploy))
        .route("/deployments/plan", post(plan))
        .route("/dead-letters/list", post(letters))
        .route("/dead-letters/show", post(letter))
        .route("/dead-letters/retry", post(retry))
        .layer(DefaultBodyLimit::max(limits::CONTROL_BODY_BYTES))
        .with_state(desk)
}

async fn status(State(desk): State<Arc<Desk>>) -> Response {
    answer(move || desk.status()).await
}

async fn produce(State(desk): State<Arc<Desk>>, UrlPath(topic): UrlPath<String>, lines: Bytes) -> Response {
    answer(move || desk.produce(&topic, &lines).map(|n| serde_json::json!({ "produced": n }))).await
}

async fn page(State(desk): State<Arc<Desk>>, UrlPath(topic): UrlPath<String>, Json(request): Json<PageRequest>) -> Response {
    answer(move || desk.consume(&topic, &request)).await
}

#[derive(serde::Deserialize)]
struct Resume {
    task: Option<String>,
}

async fn resume(State(desk): State<Arc<Desk>>, Json(resume): Json<Resume>) -> Response {
    answer(move || desk.resume(resume.task.as_deref()).map(|resumed| serde_json::json!({ "resumed": resumed }))).await
}

async fn swap(State(desk): State<Arc<Desk>>, Json(request): Json<SwapRequest>) -> Response {
    answer(move || desk.swap(&request)).await
}

async fn roll_back(State(desk): State<Arc<Desk>>, Json(request): Json<RollBackRequest>) -> Response {
    answer(move || desk.roll_back(&request)).await
}

async fn deployed(State(desk): State<Arc<Desk>>) -> Response {
    answer(move || desk.deployed()).await
}

async fn plan(State(desk): State<Arc<Desk>>, Json(request): Json<PlanRequest>) -> Response {
    answer(move || desk.plan(&request).map_err(in_one)).await
}

async fn deploy(State(desk): State<Arc<Desk>>, Json(request): Json<DeployRequest>) -> Response {
    answer(move || desk.deploy(&request).map_err(in_one)).await
}

async fn letters(State(desk): State<Arc<Desk>>, Json(request): Json<LettersRequest>) -> Response {
    answer(move || desk.letters(&request)).await
}

async fn letter(State(desk): State<Arc<Desk>>, Json(at): Json<RecordPlace>) -> Response {
    answer(move || desk.letter(&at)).await
}

async fn retry(State(desk): State<Arc<Desk>>, Json(request): Json<RetryRequest>) -> Response {
    answer(move || desk.retry(&request)).await
}

/// Asks the desk off the runtime's thread: the log may have to wait for the disk.
async fn answer<T: Serialize + Send + 'static>(ask: impl FnOnce() -> Result<T, Diagnostic> + Send + 'static) -> Response {
    match tokio::task::spawn_blocking(ask).await {
        Ok(Ok(answer)) => Json(answer).into_response(),
        Ok(Err(problem)) => refusal(&problem),
        Err(why) => refusal(&Diagnostic::run("R034", "the answer was cut short").because(why)),
    }
}

fn refusal(problem: &Diagnostic) -> Response {
    let status = if problem.blame == Blame::Usage { StatusCode::BAD_REQUEST } else { StatusCode::INTERNAL_SERVER_ERROR };
    let body = serde_json::json!({
        "code": problem.code, "message": problem.message, "causes": problem.causes, "hint": problem.hint,
    });
    (status, Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;
    use crate::broker::embedded::{EmbeddedLog, StateFolder};
    use crate::clock::VirtualClock;
    use crate::disk::Budget;

    #[test]
    fn a_request_that_never_ends_does_not_keep_the_host() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Arc::new(StateFolder::lock(&dir.path().join("state")).unwrap());
        let clock = Arc::<VirtualClock>::default();
        let log = EmbeddedLog::open(folder, clock.clone(), &Budget::new(1 << 20, 16 << 20)).unwrap();
        let desk = Desk {
            app: "a".into(),
            broker: Arc::new(log),
            clock,
            topics: Vec::new(),
            letter_topics: Vec::new(),
            retrying: Mutex::default(),
            host: None,
        };
        let path = dir.path().join("socket");
        let server = ControlServer::start(&path, Arc::new(desk)).unwrap();
        let mut endless = UnixStream::connect(&path).unwrap();
        endless.write_all(b"POST /topics/t/records HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf").unwrap();
        // Once this one is answered the other one is being read.
        let mut other = UnixStream::connect(&path).unwrap();
        other.write_all(b"GET /status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        other.read_to_end(&mut Vec::new()).unwrap();
        let (ended, end) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            drop(server);
            ended.send(()).unwrap();
        });
        end.recv_timeout(limits::CONTROL_SHUTDOWN + Duration::from_secs(30)).unwrap();
    }
}
