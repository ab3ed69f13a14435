//! The public port: how the host is, over TCP, for Prometheus and orchestrators. It changes nothing and shows nothing of what records hold.
//!
//! | call | answer |
//! |---|---|
//! | `GET /metrics` | Prometheus' text format |
//! | `GET /health/live` | 200, or 503: a stream thread has ended or stands still |
//! | `GET /health/ready` | 200, or 503: a task restores or is parked, or none was assigned yet; the body says why, task by task |

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Json, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::desk::Desk;
use super::few::Few;
use super::health::{self, Health};
use super::serving::Serving;
use crate::error::Diagnostic;

/// Prometheus' text format.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The port's server, on a thread of its own.
pub struct PublicServer {
    address: SocketAddr,
    _serving: Serving,
}

impl PublicServer {
    /// Listens at `HOST:PORT`; port 0: any that is free.
    pub fn start(address: &str, desk: Arc<Desk>) -> Result<Self, Diagnostic> {
        let failed = |why: io::Error| {
            let hint = hint(address, why.kind());
            Diagnostic::usage("R036", format!("'public' of [admin]: {address} cannot be opened")).because(why).hint(hint)
        };
        let listener = TcpListener::bind(address).map_err(failed)?;
        let address_got = listener.local_addr().map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let runtime = Serving::runtime().map_err(failed)?;
        let listener = {
            let _inside = runtime.enter();
            Few::new(tokio::net::TcpListener::from_std(listener).map_err(failed)?)
        };
        let serving = Serving::start("public port", runtime, listener, router(desk)).map_err(failed)?;
        Ok(Self { address: address_got, _serving: serving })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn hint(address: &str, why: io::ErrorKind) -> String {
    let other = match why {
        io::ErrorKind::AddrInUse => {
            let next = address.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?.checked_add(1)?)));
            next.map_or_else(|| "another port".to_owned(), |(host, port)| format!("public = \"{host}:{port}\" or another free port"))
        }
        io::ErrorKind::PermissionDenied => "a port above 1023, as public = \"127.0.0.1:9464\"".to_owned(),
        _ => "an address of this machine, as public = \"127.0.0.1:9464\", or \"0.0.0.0:9464\" for all of them".to_owned(),
    };
    format!("write {other} into [admin], or public = \"none\" to open no port")
}

fn router(desk: Arc<Desk>) -> Router {
    Router::new().route("/metrics", get(metrics)).route("/health/live", get(live)).route("/health/ready", get(ready)).with_state(desk)
}

async fn metrics(State(desk): State<Arc<Desk>>) -> Response {
    answer(move || ([(header::CONTENT_TYPE, TEXT_FORMAT)], desk.metrics()).into_response()).await
}

async fn live(State(desk): State<Arc<Desk>>) -> Response {
    answer(move || shown(&health::live(desk.look().as_ref(), desk.clock.now()))).await
}

async fn ready(State(desk): State<Arc<Desk>>) -> Response {
    answer(move || shown(&health::ready(desk.look().as_ref(), desk.clock.now()))).await
}

fn shown(health: &Health) -> Response {
    let status = if health.ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(health)).into_response()
}

/// Asks off the runtime's thread: somebody may hold the host for a moment.
async fn answer(ask: impl FnOnce() -> Response + Send + 'static) -> Response {
    tokio::task::spawn_blocking(ask).await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_write_instead_depends_on_what_is_wrong() {
        let cases = [
            ("127.0.0.1:9464", io::ErrorKind::AddrInUse, "public = \"127.0.0.1:9465\" or another free port"),
            ("127.0.0.1:65535", io::ErrorKind::AddrInUse, "write another port"),
            ("127.0.0.1:80", io::ErrorKind::PermissionDenied, "a port above 1023"),
            ("10.9.8.7:9464", io::ErrorKind::AddrNotAvailable, "an address of this machine"),
        ];
        for (address, why, part) in cases {
            let hint = hint(address, why);
            assert!(hint.contains(part) && hint.ends_with("public = \"none\" to open no port"), "{hint}");
        }
    }
}
