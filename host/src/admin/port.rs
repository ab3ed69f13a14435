//! The API over TCP. On a loopback address whoever changes something shows the token, and whoever asks calls this machine by its own name. With
//! TLS, on any address, everybody shows the token.

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
use super::hop;
use super::refusal::refusal;
use super::routes::router;
use super::serving::Serving;
use super::tls::{Shaken, TlsFiles};
use super::token::Token;
use crate::error::Diagnostic;

/// The port's server, on a thread of its own.
pub struct AdminServer {
    address: SocketAddr,
    /// The address as it was asked for, with the port that it has.
    name: String,
    _serving: Serving,
}

impl AdminServer {
    /// Listens at `HOST:PORT`, without `tls` on a loopback address alone; port 0: any that is free. `token`: its file. `peers`: that of the
    /// token which other hosts of the app show.
    pub fn start(address: &str, token: &Path, tls: Option<&TlsFiles>, peers: Option<&Path>, desk: Arc<Desk>) -> Result<Self, Diagnostic> {
        let failed = |why: io::Error| {
            let hint = "write a free port, as listen = \"127.0.0.1:9500\", into [admin], or listen = \"none\" to open no port";
            Diagnostic::usage("R134", format!("'listen' of [admin]: {address} cannot be opened")).because(why).hint(hint)
        };
        let listener = TcpListener::bind(address).map_err(failed)?;
        let name = address.rsplit_once(':').map_or(address, |(name, _)| name);
        let address = listener.local_addr().map_err(failed)?;
        if tls.is_none() && !address.ip().is_loopback() {
            let why = failed(io::Error::other(format!("other machines can reach {address}")));
            return Err(why.hint("tls-cert and tls-key of [admin] are needed there; 127.0.0.1 is for this machine alone"));
        }
        let token = Token::in_file(token)?;
        let acceptor = tls.map(TlsFiles::acceptor).transpose()?;
        listener.set_nonblocking(true).map_err(failed)?;
        let runtime = Serving::runtime().map_err(failed)?;
        let inside = runtime.enter();
        let few = Few::new(tokio::net::TcpListener::from_std(listener).map_err(failed)?);
        let peers = peers.map(Token::shared_in).transpose()?;
        let guard = if tls.is_some() { Guard::Anywhere { token, peers } } else { Guard::Here(token) };
        let api = router(desk, |api| api.layer(middleware::from_fn_with_state(guard, watch)));
        let serving = match acceptor {
            Some(acceptor) => {
                let shaken = Shaken::new(few, acceptor).map_err(failed)?;
                drop(inside);
                Serving::start("admin port", runtime, shaken, api)
            }
            None => {
                drop(inside);
                Serving::start("admin port", runtime, few, api)
            }
        };
        Ok(Self { address, name: format!("{name}:{}", address.port()), _serving: serving.map_err(failed)? })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same under the name that was asked for: what a certificate is for.
    pub fn name_and_port(&self) -> &str {
        &self.name
    }
}

/// Who may come in.
#[derive(Clone, Copy)]
enum Guard {
    /// Processes of this machine.
    Here(Token),
    /// Anybody who has the token; whoever has that of the peers may ask as a host asks another.
    Anywhere { token: Token, peers: Option<Token> },
}

/// Lets through what may come through.
async fn watch(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    match guard.refuses(request.method(), request.uri().path(), request.headers()) {
        Some(problem) => refusal(&problem),
        None => next.run(request).await,
    }
}

impl Guard {
    fn refuses(self, method: &Method, path: &str, headers: &HeaderMap) -> Option<Diagnostic> {
        let header = |name| headers.get(name).map(HeaderValue::as_bytes);
        if matches!(self, Self::Here(_)) && !is_own_name(header(header::HOST)) {
            let problem = Diagnostic::run("R133", "the request calls this host by a name that is not its own");
            return Some(problem.hint("ask http://127.0.0.1, http://localhost or http://[::1]"));
        }
        let only_asks = matches!(*method, Method::GET | Method::HEAD);
        let refused = match self {
            Self::Here(token) => !only_asks && !token.is_in(header(header::AUTHORIZATION)),
            Self::Anywhere { token, peers } => {
                let from_peer = only_asks && path.starts_with("/stores/") && headers.contains_key(hop::HEADER);
                let shown = header(header::AUTHORIZATION);
                !token.is_in(shown) && !peers.is_some_and(|peers| from_peer && peers.is_in(shown))
            }
        };
        let hint = "give it as a header, Authorization: Bearer TOKEN; it is in the file `token` of the state folder";
        refused.then(|| Diagnostic::run("R132", "this needs the token of the host").hint(hint))
    }
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
    use std::sync::Mutex;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::crypto::ring::default_provider;
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
    use tokio_rustls::rustls::{ClientConfig, RootCertStore};

    use super::*;
    use crate::admin::AppTopics;
    use crate::admin::way::{PeerFiles, Way};
    use crate::broker::embedded::{EmbeddedLog, StateFolder};
    use crate::clock::VirtualClock;
    use crate::disk::Budget;

    #[test]
    fn a_host_is_called_by_a_name_that_nobody_else_can_have() {
        for own in ["localhost", "LOCALHOST:9500", "127.0.0.1", "127.0.0.1:80", "127.1.2.3:1", "[::1]", "[::1]:9500"] {
            assert!(is_own_name(Some(own.as_bytes())), "{own}");
        }
        let foreign =
            ["", "evil.example", "evil.example:9500", "localhost.evil.example", "10.0.0.1:9500", "127.0.0.1:x", "[::2]:1", "[::1].evil"];
        for foreign in foreign {
            assert!(!is_own_name(Some(foreign.as_bytes())), "{foreign}");
        }
        assert!(!is_own_name(None) && !is_own_name(Some(b"\xff")));
    }

    fn desk(folder: &Path) -> Arc<Desk> {
        let clock = Arc::<VirtualClock>::default();
        let folder = Arc::new(StateFolder::lock(folder).unwrap());
        let log = EmbeddedLog::open(folder, clock.clone(), &Budget::new(1 << 20, 16 << 20)).unwrap();
        let (topics, retrying) = (AppTopics::default(), Mutex::default());
        Arc::new(Desk { app: "a".into(), broker: Arc::new(log), clock, topics, retrying, host: None, peers: None })
    }

    /// The first line of an answer over TLS.
    fn answer(address: SocketAddr, cert: &Path, headers: &str) -> String {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(cert).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions().unwrap();
        let connector = TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()));
        let request = format!("GET /status HTTP/1.1\r\nHost: cofferdam.example\r\nConnection: close\r\n{headers}\r\n");
        Serving::runtime().unwrap().block_on(async {
            let stream = tokio::net::TcpStream::connect(address).await.unwrap();
            let mut stream = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            // A server need not say goodbye before it closes.
            let _ = stream.read_to_end(&mut answer).await;
            String::from_utf8(answer).unwrap().lines().next().unwrap().to_owned()
        })
    }

    #[test]
    fn over_tls_everybody_shows_the_token_and_nobody_keeps_the_others_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name);
        let tls = TlsFiles { cert: file("cert.pem"), key: file("key.pem") };
        let (token, peers, desk) = (dir.path().join("token"), dir.path().join("peers"), desk(&dir.path().join("state")));
        std::fs::write(&peers, "0".repeat(64)).unwrap();
        std::fs::set_permissions(&peers, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        // On an address that other machines could reach.
        let server = AdminServer::start("0.0.0.0:0", &token, Some(&tls), Some(&peers), desk.clone()).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], server.address().port()));
        let _silent = std::net::TcpStream::connect(address).unwrap();
        assert_eq!(answer(address, &tls.cert, ""), "HTTP/1.1 401 Unauthorized");
        let header = format!("Authorization: Bearer {}\r\n", std::fs::read_to_string(&token).unwrap());
        assert_eq!(answer(address, &tls.cert, &header), "HTTP/1.1 200 OK");
        drop(server);
        let refused =
            |tls: Option<&TlsFiles>| AdminServer::start("0.0.0.0:0", &token, tls, None, desk.clone()).map(|_| ()).unwrap_err().code;
        assert_eq!(refused(None), "R134");
        assert_eq!(refused(Some(&TlsFiles { cert: tls.key.clone(), key: tls.key.clone() })), "R136");
        assert_eq!(refused(Some(&TlsFiles { cert: tls.cert.clone(), key: dir.path().join("nothing") })), "R136");
    }

    #[test]
    fn a_peer_shows_the_token_of_all_hosts_to_one_that_is_vouched_for_and_reads_stores_alone() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name);
        let tls = TlsFiles { cert: file("cert.pem"), key: file("key.pem") };
        let shared = |name: &str, text: String| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            path
        };
        let (own, other) = (shared("peers", "0f".repeat(32)), shared("others", "1f".repeat(32)));
        let (token, desk) = (dir.path().join("token"), desk(&dir.path().join("state")));
        let server = AdminServer::start("localhost:0", &token, Some(&tls), Some(&own), desk.clone()).unwrap();
        let asked_at = |server: &AdminServer, token: &Path, uri: &str, app: &str| {
            let way = Way::with_tls(&PeerFiles { token: token.to_owned(), ca: tls.cert.clone() }).unwrap();
            let hop = format!(r#"{{"app": "{app}", "partitions": [0], "bytes": 1}}"#);
            let answer = Serving::runtime().unwrap().block_on(way.ask(server.name_and_port(), uri, &HeaderValue::try_from(hop).unwrap()));
            answer.map(|(status, _)| status.as_u16()).map_err(|why| why.to_string())
        };
        let asked = |token: &Path, uri: &str, app: &str| asked_at(&server, token, uri, app).unwrap();
        // It gets as far as to hear that no host runs here.
        assert_eq!(asked(&own, "/stores/s/k?", "a"), 400);
        assert_eq!(asked(&own, "/stores/s/k?", "b"), 421);
        assert_eq!(asked(&other, "/stores/s/k?", "a"), 401);
        assert_eq!(asked(&own, "/status", "a"), 401);
        // As itself it is nobody: what is no host's question needs the host's own token.
        let header = format!("Authorization: Bearer {}\r\n", "0f".repeat(32));
        let address = server.address();
        assert_eq!(answer(address, &tls.cert, &header), "HTTP/1.1 401 Unauthorized");
        // Somebody who listens there without a certificate, or with another one, is told nothing.
        let plain = AdminServer::start("localhost:0", &token, None, None, desk).unwrap();
        assert!(asked_at(&plain, &own, "/stores/s/k?", "a").is_err());
        let no_ca = Way::with_tls(&PeerFiles { token: own.clone(), ca: tls.key.clone() }).map(|_| ()).unwrap_err();
        assert_eq!(no_ca.code, "R136");
    }
}
