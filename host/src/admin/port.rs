//! The API over TCP, on a loopback address: whoever changes something shows the token, and whoever asks calls this machine by its own name.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::Response;

use super::desk::Desk;
use super::few::Few;
use super::refusal::refusal;
use super::routes::router;
use super::serving::Serving;
use super::token::Token;
use crate::error::Diagnostic;

/// The port's server, on a thread of its own.
pub struct AdminServer {
    address: SocketAddr,
    _serving: Serving,
}

impl AdminServer {
    /// Listens at `HOST:PORT`, a loopback address; port 0: any that is free. `token`: its file.
    pub fn start(address: &str, token: &Path, desk: Arc<Desk>) -> Result<Self, Diagnostic> {
        let failed = |why: io::Error| {
            let hint = "write a free port, as listen = \"127.0.0.1:9500\", into [admin], or listen = \"none\" to open no port";
            Diagnostic::usage("R134", format!("'listen' of [admin]: {address} cannot be opened")).because(why).hint(hint)
        };
        let listener = TcpListener::bind(address).map_err(failed)?;
        let address_got = listener.local_addr().map_err(failed)?;
        // A name may lead anywhere.
        if !address_got.ip().is_loopback() {
            return Err(failed(io::Error::other(format!("{address_got} is not a loopback address"))));
        }
        let token = Token::in_file(token)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let runtime = Serving::runtime().map_err(failed)?;
        let listener = {
            let _inside = runtime.enter();
            Few::new(tokio::net::TcpListener::from_std(listener).map_err(failed)?)
        };
        let guarded = router(desk, |api| api.layer(middleware::from_fn_with_state(token, guard)));
        let serving = Serving::start("admin port", runtime, listener, guarded).map_err(failed)?;
        Ok(Self { address: address_got, _serving: serving })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Lets through what may come through.
async fn guard(State(token): State<Token>, request: Request, next: Next) -> Response {
    match refused(token, request.method(), request.headers()) {
        Some(problem) => refusal(&problem),
        None => next.run(request).await,
    }
}

fn refused(token: Token, method: &Method, headers: &HeaderMap) -> Option<Diagnostic> {
    let header = |name| headers.get(name).map(HeaderValue::as_bytes);
    if !is_own_name(header(header::HOST)) {
        let problem = Diagnostic::run("R133", "the request calls this host by a name that is not its own");
        return Some(problem.hint("ask http://127.0.0.1, http://localhost or http://[::1]"));
    }
    let only_asks = matches!(*method, Method::GET | Method::HEAD);
    if !only_asks && !token.is_in(header(header::AUTHORIZATION)) {
        let problem = Diagnostic::run("R132", "this needs the token of the host");
        return Some(problem.hint("give it as a header, Authorization: Bearer TOKEN; it is in the file `token` of the state folder"));
    }
    None
}

/// Whether a header `Host` names this machine as only itself can be named.
fn is_own_name(host: Option<&[u8]>) -> bool {
    let Some(host) = host.and_then(|host| std::str::from_utf8(host).ok()) else { return false };
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, port),
        _ => (host, ""),
    };
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let is_number = port.bytes().all(|b| b.is_ascii_digit());
    is_number && (name.eq_ignore_ascii_case("localhost") || bare.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_called_by_a_name_that_nobody_else_can_have() {
        for own in ["localhost", "LOCALHOST:9500", "127.0.0.1", "127.0.0.1:80", "127.1.2.3:1", "[::1]", "[::1]:9500"] {
            assert!(is_own_name(Some(own.as_bytes())), "{own}");
        }
        for foreign in
            ["", "evil.example", "evil.example:9500", "localhost.evil.example", "10.0.0.1:9500", "127.0.0.1:x", "[::2]:1", "[::1].evil"]
        {
            assert!(!is_own_name(Some(foreign.as_bytes())), "{foreign}");
        }
        assert!(!is_own_name(None) && !is_own_name(Some(b"\xff")));
    }
}
