//! The API: every path with what answers it. The control socket and the port of `[admin] listen` serve the same.
//!
//! | call | answer |
//! |---|---|
//! | `GET /status` | [`StatusReport`](super::StatusReport) |
//! | `GET /stores` | a list of [`StoreReport`](super::StoreReport) |
//! | `GET /stores/{store}?..`, [`StoreQuery`] | [`StoreRows`](super::StoreRows) |
//! | `GET /stores/{store}/{key}?..`, [`StoreQuery`] | [`StoreRows`](super::StoreRows) |
//! | `PUT /processors/{processor}/component`, the component | [`SwapReport`](super::SwapReport) |
//! | `POST /processors/{processor}/rollback` | [`SwapReport`](super::SwapReport) |
//! | `POST /resume`, `{"task": name or null}` | `{"resumed": [name, ..]}` |
//! | `GET /deployments` | [`DeployedReport`](super::DeployedReport) |
//! | `POST /topics/{topic}/records`, record lines | `{"produced": n}` |
//! | `POST /topics/{topic}/page`, [`PageRequest`] | [`Page`](super::Page) |
//! | `POST /dead-letters/list`, [`LettersRequest`] | [`LettersPage`](super::LettersPage) |
//! | `POST /dead-letters/show`, [`RecordPlace`] | [`WholeLetter`](super::WholeLetter) |
//! | `POST /dead-letters/retry`, [`RetryRequest`] | a list of [`Retried`](super::Retried) |
//! | `GET /openapi.json` | all this for programs |
//!
//! At the control socket alone, as they name files of this machine:
//!
//! | call | answer |
//! |---|---|
//! | `POST /deployments/plan`, [`PlanRequest`] | [`PlanReport`](super::PlanReport) |
//! | `POST /deployments`, [`DeployRequest`] | [`DeployedReport`](super::DeployedReport) |
//!
//! An error is a JSON object with `code`, `error`, `causes` and `hint`.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Json, Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post, put};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::deployments::{DeployRequest, PlanRequest};
use super::desk::{Desk, PageRequest};
use super::hop::{self, Hop};
use super::letters::{LettersRequest, RetryRequest};
use super::place::RecordPlace;
use super::refusal::{in_json, refusal};
use super::stores::StoreQuery;
use super::swap::{RollBackRequest, SwapRequest};
use crate::error::{Diagnostic, in_one};
use crate::limits;

/// The OpenAPI document.
pub(super) const OPENAPI: &str = include_str!("../../schema/openapi.json");

/// A path, a method, and what answers.
type Route = (&'static str, &'static str, MethodRouter<Arc<Desk>>);

fn routes() -> Vec<Route> {
    let component = put(swap).layer(DefaultBodyLimit::max(usize::try_from(limits::COMPONENT_BYTES).unwrap_or(usize::MAX)));
    vec![
        ("get", "/status", get(status)),
        ("get", "/stores", get(stores)),
        ("get", "/stores/{store}", get(rows)),
        ("get", "/stores/{store}/{key}", get(row)),
        ("put", "/processors/{processor}/component", component),
        ("post", "/processors/{processor}/rollback", post(roll_back)),
        ("post", "/resume", post(resume)),
        ("get", "/deployments", get(deployed)),
        ("post", "/topics/{topic}/records", post(produce)),
        ("post", "/topics/{topic}/page", post(page)),
        ("post", "/dead-letters/list", post(letters)),
        ("post", "/dead-letters/show", post(letter)),
        ("post", "/dead-letters/retry", post(retry)),
        ("get", "/openapi.json", get(openapi)),
    ]
}

/// All of it. What `guard` refuses does not come here; it is told as other errors are.
pub(super) fn router(desk: Arc<Desk>, guard: impl FnOnce(Router) -> Router) -> Router {
    let router = routes().into_iter().fold(Router::new(), |router, (_, path, handler)| router.route(path, handler));
    guard(router.layer(DefaultBodyLimit::max(limits::CONTROL_BODY_BYTES)).with_state(desk)).layer(map_response(in_json))
}

/// What the control socket serves besides.
pub(super) fn for_the_owner(desk: Arc<Desk>) -> Router {
    Router::new().route("/deployments/plan", post(plan)).route("/deployments", post(deploy)).with_state(desk)
}

async fn status(State(desk): State<Arc<Desk>>) -> Response {
    answer(move || desk.status()).await
}

async fn stores(State(desk): State<Arc<Desk>>) -> Response {
    answer(move || desk.stores()).await
}

async fn rows(State(desk): State<Arc<Desk>>, Path(store): Path<String>, Query(query): Query<StoreQuery>, headers: HeaderMap) -> Response {
    told(desk, store, None, query, &headers).await
}

async fn row(
    State(desk): State<Arc<Desk>>,
    Path((store, key)): Path<(String, String)>,
    Query(query): Query<StoreQuery>,
    headers: HeaderMap,
) -> Response {
    told(desk, store, Some(key), query, &headers).await
}

/// Rows of a store; of this host alone where another one asks.
async fn told(desk: Arc<Desk>, store: String, key: Option<String>, query: StoreQuery, headers: &HeaderMap) -> Response {
    let Some(hop) = headers.get(hop::HEADER) else {
        return answer(move || desk.query(&store, key.as_deref(), &query)).await;
    };
    match serde_json::from_slice::<Hop>(hop.as_bytes()) {
        Ok(hop) => answer(move || desk.query_for(&hop, &store, key.as_deref(), &query)).await,
        Err(why) => refusal(&not_understood(why)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct SwapTerms {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    max_slowdown: Option<f64>,
}

async fn swap(State(desk): State<Arc<Desk>>, Path(processor): Path<String>, Query(terms): Query<SwapTerms>, component: Bytes) -> Response {
    let SwapTerms { name, max_slowdown } = terms;
    let name = name.unwrap_or_else(|| "the component given".to_owned());
    answer(move || desk.swap(&SwapRequest { processor, component, name, max_slowdown })).await
}

async fn roll_back(State(desk): State<Arc<Desk>>, Path(processor): Path<String>) -> Response {
    answer(move || desk.roll_back(&RollBackRequest { processor })).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resume {
    task: Option<String>,
}

async fn resume(State(desk): State<Arc<Desk>>, Json(body): Json<Object>) -> Response {
    let resume = move || desk.resume(read::<Resume>(body)?.task.as_deref()).map(|resumed| serde_json::json!({ "resumed": resumed }));
    answer(resume).await
}

async fn deployed(State(desk): State<Arc<Desk>>) -> Response {
    answer(move || desk.deployed()).await
}

async fn plan(State(desk): State<Arc<Desk>>, Json(body): Json<Object>) -> Response {
    answer(move || desk.plan(&read::<PlanRequest>(body)?).map_err(in_one)).await
}

async fn deploy(State(desk): State<Arc<Desk>>, Json(body): Json<Object>) -> Response {
    answer(move || desk.deploy(&read::<DeployRequest>(body)?).map_err(in_one)).await
}

async fn produce(State(desk): State<Arc<Desk>>, Path(topic): Path<String>, lines: Bytes) -> Response {
    answer(move || desk.produce(&topic, &lines).map(|n| serde_json::json!({ "produced": n }))).await
}

async fn page(State(desk): State<Arc<Desk>>, Path(topic): Path<String>, Json(body): Json<Object>) -> Response {
    answer(move || desk.consume(&topic, &read::<PageRequest>(body)?)).await
}

async fn letters(State(desk): State<Arc<Desk>>, Json(body): Json<Object>) -> Response {
    answer(move || desk.letters(&read::<LettersRequest>(body)?)).await
}

async fn letter(State(desk): State<Arc<Desk>>, Json(at): Json<RecordPlace>) -> Response {
    answer(move || desk.letter(&at)).await
}

async fn retry(State(desk): State<Arc<Desk>>, Json(body): Json<Object>) -> Response {
    answer(move || desk.retry(&read::<RetryRequest>(body)?)).await
}

async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}

/// A body that is a JSON object: serde would take a list of values for one as well.
type Object = serde_json::Map<String, serde_json::Value>;

fn read<T: DeserializeOwned>(body: Object) -> Result<T, Diagnostic> {
    serde_json::from_value(body.into()).map_err(not_understood)
}

fn not_understood(why: serde_json::Error) -> Diagnostic {
    let problem = Diagnostic::usage("R130", "the request cannot be understood").because(why);
    problem.hint("GET /openapi.json says what a request holds")
}

/// Asks the desk off the runtime's thread: the log may have to wait for the disk, a query for the stream threads.
async fn answer<T: Serialize + Send + 'static>(ask: impl FnOnce() -> Result<T, Diagnostic> + Send + 'static) -> Response {
    match tokio::task::spawn_blocking(ask).await {
        Ok(Ok(answer)) => Json(answer).into_response(),
        Ok(Err(problem)) => refusal(&problem),
        Err(why) => refusal(&Diagnostic::run("R034", "the answer was cut short").because(why)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn the_document_has_the_paths_of_the_server_and_no_other() {
        let document: Value = serde_json::from_str(OPENAPI).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let written: BTreeSet<(String, String)> = paths
            .iter()
            .flat_map(|(path, methods)| methods.as_object().unwrap().keys().map(move |method| (method.clone(), path.clone())))
            .filter(|(method, _)| method != "parameters")
            .collect();
        let served: BTreeSet<(String, String)> =
            routes().iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
        assert_eq!(served, written);
    }
}
