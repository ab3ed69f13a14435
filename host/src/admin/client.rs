//! Speaks to the control socket of a running host.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::net::UnixStream;
use tokio::runtime::Runtime;

use super::deployments::{DeployRequest, DeployedReport, PlanReport, PlanRequest};
use super::desk::{Page, PageRequest};
use super::exchange::{Broken, encoded, exchange, query, uri_of_rows};
use super::letters::{LettersPage, LettersRequest, Retried, RetryRequest, WholeLetter};
use super::place::RecordPlace;
use super::refusal::{Refusal, told};
use super::report::StatusReport;
use super::stores::{StoreQuery, StoreReport, StoreRows};
use super::swap::{RollBackRequest, SwapReport, SwapRequest};
use crate::error::Diagnostic;

/// A control socket that answered.
pub struct ControlClient {
    path: PathBuf,
    runtime: Runtime,
}

impl ControlClient {
    /// The host behind a socket; `None` where no process listens.
    pub fn connect(path: &Path) -> Result<Option<Self>, Diagnostic> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| unreachable(path, &e))?;
        match runtime.block_on(UnixStream::connect(path)) {
            Ok(_) => Ok(Some(Self { path: path.to_owned(), runtime })),
            // The last: a path too long for a socket, so nobody listens there either.
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::InvalidInput) => Ok(None),
            Err(e) => Err(unreachable(path, &e)),
        }
    }

    /// See [`Desk::status`](super::Desk::status).
    pub fn status(&self) -> Result<StatusReport, Diagnostic> {
        self.call("GET", "/status", Bytes::new(), "application/json")
    }

    /// See [`Desk::produce`](super::Desk::produce).
    pub fn produce(&self, topic: &str, lines: Vec<u8>) -> Result<u64, Diagnostic> {
        #[derive(Deserialize)]
        struct Produced {
            produced: u64,
        }
        let answer: Produced = self.call("POST", &format!("/topics/{}/records", encoded(topic)), lines.into(), "application/x-ndjson")?;
        Ok(answer.produced)
    }

    /// See [`Desk::consume`](super::Desk::consume).
    pub fn consume(&self, topic: &str, request: &PageRequest) -> Result<Page, Diagnostic> {
        self.ask(&format!("/topics/{}/page", encoded(topic)), request)
    }

    /// See [`Desk::resume`](super::Desk::resume).
    pub fn resume(&self, task: Option<&str>) -> Result<Vec<String>, Diagnostic> {
        #[derive(Deserialize)]
        struct Resumed {
            resumed: Vec<String>,
        }
        let answer: Resumed = self.ask("/resume", &serde_json::json!({ "task": task }))?;
        Ok(answer.resumed)
    }

    /// See [`Desk::swap`](super::Desk::swap).
    pub fn swap(&self, request: &SwapRequest) -> Result<SwapReport, Diagnostic> {
        let SwapRequest { processor, component, name, max_slowdown } = request;
        let terms = query(&[("name", Some(name.clone())), ("max-slowdown", max_slowdown.map(|times| times.to_string()))]);
        self.call("PUT", &format!("/processors/{}/component?{terms}", encoded(processor)), component.clone(), "application/wasm")
    }

    /// See [`Desk::roll_back`](super::Desk::roll_back).
    pub fn roll_back(&self, request: &RollBackRequest) -> Result<SwapReport, Diagnostic> {
        self.call("POST", &format!("/processors/{}/rollback", encoded(&request.processor)), Bytes::new(), "application/json")
    }

    /// See [`Desk::plan`](super::Desk::plan).
    pub fn plan(&self, request: &PlanRequest) -> Result<PlanReport, Diagnostic> {
        self.ask("/deployments/plan", request)
    }

    /// See [`Desk::deploy`](super::Desk::deploy).
    pub fn deploy(&self, request: &DeployRequest) -> Result<DeployedReport, Diagnostic> {
        self.ask("/deployments", request)
    }

    /// See [`Desk::letters`](super::Desk::letters).
    pub fn letters(&self, request: &LettersRequest) -> Result<LettersPage, Diagnostic> {
        self.ask("/dead-letters/list", request)
    }

    /// See [`Desk::letter`](super::Desk::letter).
    pub fn letter(&self, at: &RecordPlace) -> Result<WholeLetter, Diagnostic> {
        self.ask("/dead-letters/show", at)
    }

    /// See [`Desk::retry`](super::Desk::retry).
    pub fn retry(&self, request: &RetryRequest) -> Result<Vec<Retried>, Diagnostic> {
        self.ask("/dead-letters/retry", request)
    }

    /// See [`Desk::stores`](super::Desk::stores).
    pub fn stores(&self) -> Result<Vec<StoreReport>, Diagnostic> {
        self.call("GET", "/stores", Bytes::new(), "application/json")
    }

    /// See [`Desk::query`](super::Desk::query).
    pub fn query(&self, store: &str, key: Option<&str>, asked: &StoreQuery) -> Result<StoreRows, Diagnostic> {
        self.call("GET", &uri_of_rows(store, key, asked), Bytes::new(), "application/json")
    }

    fn ask<T: DeserializeOwned>(&self, uri: &str, request: &impl Serialize) -> Result<T, Diagnostic> {
        let body = serde_json::to_vec(request).map_err(|e| unreachable(&self.path, &e))?;
        self.call("POST", uri, body.into(), "application/json")
    }

    fn call<T: DeserializeOwned>(&self, method: &str, uri: &str, body: Bytes, content: &str) -> Result<T, Diagnostic> {
        let (status, answer) =
            self.runtime.block_on(self.exchange(method, uri, body, content)).map_err(|e| unreachable(&self.path, &*e))?;
        if status.is_success() {
            return serde_json::from_slice(&answer).map_err(|e| unreachable(&self.path, &e));
        }
        match serde_json::from_slice::<Refusal>(&answer) {
            Ok(refusal) => Err(told(status, refusal)),
            Err(_) => Err(unreachable(&self.path, &format!("{status}: {}", String::from_utf8_lossy(&answer)))),
        }
    }

    async fn exchange(&self, method: &str, uri: &str, body: Bytes, content: &str) -> Result<(StatusCode, Bytes), Broken> {
        let stream = UnixStream::connect(&self.path).await?;
        let request =
            Request::builder().method(method).uri(uri).header("host", "cofferdam").header("content-type", content).body(Full::new(body))?;
        // Whoever has opened the socket is this very user.
        exchange(stream, request, usize::MAX).await
    }
}

fn unreachable(path: &Path, why: &(impl std::fmt::Display + ?Sized)) -> Diagnostic {
    Diagnostic::run("R035", format!("the control socket {} does not answer", path.display())).because(why)
}
