//! TLS before the API, where others than this machine can reach it, and on the way to other hosts.

use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::serve::Listener;
use tokio::sync::mpsc::{Receiver, channel};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::few::{Brief, Few};
use crate::error::Diagnostic;
use crate::limits;

/// What a host shows of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Its certificate, and those that lead to a known one, in PEM.
    pub cert: PathBuf,
    /// The private key, in PEM.
    pub key: PathBuf,
}

impl TlsFiles {
    /// Reads them.
    pub(super) fn acceptor(&self) -> Result<TlsAcceptor, Diagnostic> {
        let certificates =
            CertificateDer::pem_file_iter(&self.cert).and_then(Iterator::collect).map_err(|why| unusable(&self.cert, why))?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|why| unusable(&self.key, why))?;
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions();
        let config = config.and_then(|config| config.with_no_client_auth().with_single_cert(certificates, key));
        config.map(|config| TlsAcceptor::from(Arc::new(config))).map_err(|why| unusable(&self.cert, why))
    }
}

/// Speaks to whoever one of these vouches for.
pub(super) fn connector(ca: &Path) -> Result<TlsConnector, Diagnostic> {
    let refused = |why: &dyn Display| {
        let hint = "peer-ca is a file in PEM: certificates of those who vouch for the certificates of the app's hosts";
        unusable(ca, why).hint(hint)
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca).map_err(|why| refused(&why))? {
        roots.add(certificate.map_err(|why| refused(&why))?).map_err(|why| refused(&why))?;
    }
    if roots.is_empty() {
        return Err(refused(&"it holds no certificate"));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions();
    let config = config.map(|config| config.with_root_certificates(roots).with_no_client_auth());
    config.map(|config| TlsConnector::from(Arc::new(config))).map_err(|why| refused(&why))
}

fn unusable(path: &Path, why: impl Display) -> Diagnostic {
    Diagnostic::usage("R136", format!("{} cannot be used for TLS", path.display())).because(why).hint(
        "tls-cert is a certificate in PEM, with those that lead to a known one, and tls-key its private key in PEM, without a password",
    )
}

/// Connections whose handshake is done; those that dawdle keep nobody waiting.
pub(super) struct Shaken {
    done: Receiver<(TlsStream<Brief>, SocketAddr)>,
    address: SocketAddr,
}

impl Shaken {
    /// Inside the runtime that serves.
    pub(super) fn new(mut few: Few, acceptor: TlsAcceptor) -> io::Result<Self> {
        let address = few.local_addr()?;
        let (tell, done) = channel(limits::PUBLIC_CONNECTIONS);
        tokio::spawn(async move {
            loop {
                let (stream, from) = few.accept().await;
                let (tell, shaking) = (tell.clone(), acceptor.accept(stream));
                tokio::spawn(async move {
                    // Whoever speaks something else has gone again.
                    if let Ok(stream) = shaking.await {
                        let _ = tell.send((stream, from)).await;
                    }
                });
            }
        });
        Ok(Self { done, address })
    }
}

impl Listener for Shaken {
    type Io = TlsStream<Brief>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        match self.done.recv().await {
            Some(accepted) => accepted,
            // The runtime ends.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}
