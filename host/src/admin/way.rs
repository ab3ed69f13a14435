//! The way from one host to another: without TLS to the own machine alone, and nothing secret goes along; with TLS anywhere, and each shows the
//! other who it is.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, HOST, HeaderValue};
use hyper::{Request, StatusCode};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::exchange::{Broken, exchange};
use super::hop;
use super::tls;
use super::token;
use crate::error::Diagnostic;
use crate::limits;
use crate::manifest::host_and_port;

/// Files by which hosts know each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerFiles {
    /// What each shows the others: the same file everywhere.
    pub token: PathBuf,
    /// Certificates of those who vouch for the others'.
    pub ca: PathBuf,
}

/// See the head of this file.
pub struct Way(Kind);

enum Kind {
    OwnMachine,
    Tls { connector: TlsConnector, bearer: HeaderValue },
}

impl Way {
    /// To the hosts of this machine.
    pub fn on_own_machine() -> Self {
        Self(Kind::OwnMachine)
    }

    /// To hosts that are known by these files.
    pub fn with_tls(files: &PeerFiles) -> Result<Self, Diagnostic> {
        let connector = tls::connector(&files.ca)?;
        let unusable = |why| Diagnostic::run("R135", "the peers' token cannot be shown").because(why);
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", token::shared(&files.token)?)).map_err(unusable)?;
        bearer.set_sensitive(true);
        Ok(Self(Kind::Tls { connector, bearer }))
    }

    pub(super) fn is_tls(&self) -> bool {
        matches!(self.0, Kind::Tls { .. })
    }

    /// Asks the host at an address, and does not wait for ever.
    pub(super) async fn ask(&self, address: &str, uri: &str, hop: &HeaderValue) -> Result<(StatusCode, Bytes), Broken> {
        let late = |_| format!("no answer within {} s", limits::FORWARD_PATIENCE.as_secs());
        timeout(limits::FORWARD_PATIENCE, self.exchange(address, uri, hop)).await.map_err(late)?
    }

    async fn exchange(&self, address: &str, uri: &str, hop: &HeaderValue) -> Result<(StatusCode, Bytes), Broken> {
        let request = Request::get(uri).header(HOST, address).header(hop::HEADER, hop);
        match &self.0 {
            Kind::OwnMachine => {
                let stream = connect(address, |ip| ip.is_loopback()).await?;
                exchange(stream, request.body(Full::default())?, limits::FORWARDED_BYTES).await
            }
            Kind::Tls { connector, bearer } => {
                let stream = connect(address, |_| true).await?;
                let name = ServerName::try_from(host_and_port(address).0.to_owned())?;
                let stream = connector.connect(name, stream).await?;
                let request = request.header(AUTHORIZATION, bearer).body(Full::default())?;
                exchange(stream, request, limits::FORWARDED_BYTES).await
            }
        }
    }
}

/// A connection to the first address of that name that takes it, of those that may be taken.
async fn connect(address: &str, may_be: impl Fn(IpAddr) -> bool) -> io::Result<TcpStream> {
    let found = lookup_host(address).await?.filter(|at| may_be(at.ip()));
    let mut failed = io::Error::other("the name leads to no address that may be asked");
    for at in found {
        failed = match timeout(limits::FORWARD_CONNECT, TcpStream::connect(at)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(why)) => why,
            Err(_) => io::ErrorKind::TimedOut.into(),
        };
    }
    Err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::serving::Serving;

    #[test]
    fn without_tls_no_other_machine_is_spoken_to() {
        let refused = |address| Serving::runtime().unwrap().block_on(connect(address, |ip| ip.is_loopback())).unwrap_err().to_string();
        for address in ["192.0.2.1:9500", "0.0.0.0:9500", "[2001:db8::1]:9500"] {
            assert_eq!(refused(address), "the name leads to no address that may be asked", "{address}");
        }
    }
}
