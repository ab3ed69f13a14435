//! The port of the admin API, and how the hosts of an app find each other by it.

use std::path::Path;
use std::sync::Arc;

use crate::admin::{AdminServer, Desk, PeerFiles, TOKEN_FILE, TlsFiles, Way};
use crate::error::{Diagnostic, Place};
use crate::manifest::{Address, Broker, Manifest, check_advertised};

use super::args;

/// Where something is served: as a flag says, else as the manifest does.
pub fn served_at<'a>(flag: Option<&'a args::Address>, said: Option<&'a str>, key: Option<&Address>) -> Option<(&'a str, Option<Place>)> {
    match flag {
        Some(args::Address::Nowhere) => None,
        Some(args::Address::At(address)) => Some((address, None)),
        None => said.map(|address| (address, key.and_then(Address::place))),
    }
}

/// Opens the port of the admin API, where the manifest asks for one.
pub fn admin_port(
    manifest: &Manifest,
    flag: Option<&args::Address>,
    folder: &Path,
    desk: Arc<Desk>,
) -> Result<Option<AdminServer>, Diagnostic> {
    let Some((address, place)) = served_at(flag, manifest.admin_address(), manifest.admin.listen.as_ref()) else { return Ok(None) };
    let in_folder = |path: &Path| manifest.folder().join(path);
    let tls = manifest.admin.tls.as_ref().map(|tls| TlsFiles { cert: in_folder(&tls.cert), key: in_folder(&tls.key) });
    let (token, peers) = (folder.join(TOKEN_FILE), manifest.admin.peers.as_ref().map(|peers| in_folder(&peers.token)));
    let server = AdminServer::start(address, &token, tls.as_ref(), peers.as_deref(), desk).map_err(|refused| refused.at(place))?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    tracing::info!("admin API at {scheme}://{}, its token in {}", server.address(), token.display());
    Ok(Some(server))
}

/// How this host goes to others.
pub fn way(manifest: &Manifest) -> Result<Way, Diagnostic> {
    let in_folder = |path: &Path| manifest.folder().join(path);
    let Some(peers) = &manifest.admin.peers else { return Ok(Way::on_own_machine()) };
    Way::with_tls(&PeerFiles { token: in_folder(&peers.token), ca: in_folder(&peers.ca) })
}

/// By which address others reach a port that is open: the one that is said, else the name under which it was opened.
pub fn advertised(manifest: &Manifest, flag: Option<&str>, port: Option<&AdminServer>) -> Result<Option<String>, Diagnostic> {
    let refused = |address: &str, why: String| {
        let problem = Diagnostic::usage("R137", format!("no other host can reach this one at --advertise {address}")).because(why);
        problem.hint("give HOST:PORT at which the admin API (`listen` of [admin], or --listen) is reached; without tls-cert and tls-key an address of this machine")
    };
    let Some(port) = port else {
        return flag.map_or(Ok(None), |address| Err(refused(address, "the host has no port for the admin API".to_owned())));
    };
    if let Some(address) = flag {
        check_advertised(address, manifest.admin.tls.is_some()).map_err(|why| refused(address, format!("it {why}")))?;
        return Ok(Some(address.to_owned()));
    }
    if let Some(address) = &manifest.admin.advertise {
        return Ok(Some(address.value.clone()));
    }
    if port.address().ip().is_unspecified() && matches!(manifest.broker, Broker::Kafka(_)) {
        tracing::warn!(
            "no other host is told where the admin API is, since {} stands for every address of this machine: queries for tasks of this host \
             have to be asked here. `advertise` of [admin], or --advertise, gives the address that others reach",
            port.address()
        );
        return Ok(None);
    }
    Ok(Some(port.name_and_port().to_owned()))
}
