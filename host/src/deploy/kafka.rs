//! A Kafka cluster of an app, and the state folder of the host that works with it.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::properties;
use crate::broker::BrokerError;
use crate::broker::embedded::StateFolder;
use crate::broker::kafka::{EarlyProducers, KafkaBroker, KafkaSettings, Patience};
use crate::error::Diagnostic;
use crate::manifest::{KafkaBroker as Section, Manifest, check_app_id};

/// In the state folder: the host's name, where none was given.
const INSTANCE_ID_FILE: &str = "instance-id";

/// What of `[broker]` and `[runtime]` the command line gives instead.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// `broker.bootstrap`.
    pub bootstrap: Option<String>,
    /// A file of properties, which stand for those of `broker.client`.
    pub client_config: Option<PathBuf>,
    /// `runtime.instance-id`.
    pub instance_id: Option<String>,
}

/// The host of an app, as one of its cluster's clients.
#[derive(Clone, Copy, Debug)]
pub struct HostOf<'a> {
    /// Its state folder, which it holds; `None`: not yet.
    pub folder: Option<&'a StateFolder>,
    /// True once it is told to stop; `None`: a command that stands in for it, and does not wait long.
    pub told: Option<&'a Arc<AtomicBool>>,
}

/// Connects to the cluster of an app, as its host or, without one, as a command that looks.
pub fn open_cluster(manifest: &Manifest, section: &Section, given: &Cluster, host: Option<HostOf<'_>>) -> Result<KafkaBroker, Diagnostic> {
    let bootstrap = given.bootstrap.clone().or_else(|| section.bootstrap.as_ref().map(|b| b.value.clone()));
    let bootstrap = bootstrap.ok_or_else(|| {
        Diagnostic::usage("M002", "[broker] does not say where the cluster is")
            .hint("write bootstrap = \"host:9092\" below kind = \"kafka\", or give --bootstrap")
            .at(Some(section.place.clone()))
    })?;
    let named = given.instance_id.clone().or_else(|| manifest.runtime.instance_id.as_ref().map(|id| id.value.to_string()));
    let instance = match (named, host.and_then(|host| host.folder)) {
        (Some(named), _) => checked(named)?,
        (None, Some(folder)) => instance_id(folder.path())?,
        (None, None) => format!("command-{}", std::process::id()),
    };
    let mut properties = properties::of_manifest(section)?;
    if let Some(file) = &given.client_config {
        properties.extend(properties::of_file(file)?);
    }
    let client = properties.iter().map(|property| (property.key.clone(), property.value.clone())).collect();
    let patience = host.and_then(|host| host.told).map_or_else(Patience::of_command, |told| Patience::of_host(told.clone()));
    let (app, guarantee) = (manifest.app.id.value.clone(), manifest.app.guarantee);
    let settings =
        KafkaSettings { bootstrap, client, app, instance, guarantee, patience, announced: None, early: EarlyProducers::default() };
    settings.check().map_err(|e| properties::refused(section, &properties, &e))?;
    KafkaBroker::new(settings).map_err(|e: BrokerError| Diagnostic::run("B002", "no client of the cluster can be made").because(e))
}

fn checked(name: String) -> Result<String, Diagnostic> {
    match check_app_id(&name) {
        Ok(()) => Ok(name),
        Err(why) => Err(Diagnostic::usage("M006", format!("the instance-id is '{name}', which {why}"))),
    }
}

/// The name of the host that has this folder; made at its first start. It outlives restarts, and with it the group knows the host again.
fn instance_id(folder: &Path) -> Result<String, Diagnostic> {
    let path = folder.join(INSTANCE_ID_FILE);
    let failed = |what: &str, why: std::io::Error| Diagnostic::run("B004", format!("{} cannot be {what}", path.display())).because(why);
    match fs::read_to_string(&path) {
        Ok(text) if !text.trim().is_empty() => return checked(text.trim().to_owned()),
        Err(why) if why.kind() != std::io::ErrorKind::NotFound => return Err(failed("read", why)),
        _ => {}
    }
    let chance = RandomState::new();
    let name = format!("{:016x}", chance.hash_one(std::process::id()) ^ chance.hash_one(&path));
    fs::write(&path, &name).map_err(|why| failed("written", why))?;
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instance_id_is_made_once_a_folder() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let made = instance_id(one.path()).unwrap();
        assert_eq!(made.len(), 16);
        assert_eq!(instance_id(one.path()).unwrap(), made);
        assert_ne!(instance_id(two.path()).unwrap(), made);
    }
}
