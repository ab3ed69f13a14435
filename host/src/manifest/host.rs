//! What is a host's own: where its log is, how it runs, and how it is asked. A manifest has it beside the app; a deployment says nothing of it, and
//! a host that runs one has it in a file of its own.

use std::path::{Path, PathBuf};

use super::keys;
use super::model::{Admin, Broker, Manifest, Runtime};
use super::reader::HOST_FILE;
use crate::error::Diagnostic;

/// The sections `[broker]`, `[runtime]` and `[admin]`.
#[derive(Clone, Debug)]
pub struct OfHost {
    /// `[broker]`; `None`: not said.
    pub broker: Option<Broker>,
    /// `[runtime]`.
    pub runtime: Runtime,
    /// `[admin]`.
    pub admin: Admin,
}

impl OfHost {
    /// Reads a file with these sections and no others. Its paths are relative to it.
    pub fn load(path: &Path) -> Result<Self, Vec<Diagnostic>> {
        Self::parse(path, &super::text_of(path, HOST_FILE)?)
    }

    /// Reads a text. `path`: the file that it stands in, as the user named it.
    pub fn parse(path: &Path, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let mut host = super::read(path, text, HOST_FILE, |reader, document| {
            let root = reader.root(document.as_table(), &keys::HOST, HOST_FILE);
            let broker = reader.broker(&root);
            let is_said = reader.field(&root, "broker").and_then(|field| reader.table(&field, &keys::BROKER));
            let broker = is_said.and_then(|fields| reader.field(&fields, "kind")).map(|_| broker);
            Some(Self { broker, runtime: reader.runtime(&root), admin: reader.admin(&root) })
        })?;
        host.stand_in(path.parent().unwrap_or(Path::new("")));
        Ok(host)
    }

    /// Its paths were relative to this folder.
    fn stand_in(&mut self, folder: &Path) {
        let Self { runtime, admin, .. } = self;
        let tls = admin.tls.iter_mut().flat_map(|tls| [&mut tls.cert, &mut tls.key]);
        let peers = admin.peers.iter_mut().flat_map(|peers| [&mut peers.token, &mut peers.ca]);
        for path in tls.chain(peers).chain([&mut runtime.state_dir]) {
            *path = folder.join(&*path);
        }
    }
}

impl Manifest {
    /// What of it is a host's own, to be put beside another app.
    pub fn of_host(&self) -> OfHost {
        let mut host = OfHost { broker: Some(self.broker.clone()), runtime: self.runtime.clone(), admin: self.admin.clone() };
        host.stand_in(self.folder());
        host
    }

    /// The same app on that host.
    #[must_use]
    pub fn on(self, host: OfHost) -> Self {
        let OfHost { broker, runtime, admin } = host;
        // What is relative there is so to where the command was started.
        let path = PathBuf::from(self.path.file_name().unwrap_or_default());
        Self { path, broker: broker.unwrap_or_else(|| self.broker.clone()), runtime, admin, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_speaks_of_itself_alone_and_its_paths_are_relative_to_its_file() {
        let text = "[runtime]\nmemory = \"64MiB\"\n\n[admin]\nlisten = \"0.0.0.0:9500\"\ntls-cert = \"a.pem\"\ntls-key = \"/b.key\"\n";
        let host = OfHost::parse(Path::new("etc/host.toml"), text).unwrap();
        assert!(host.broker.is_none());
        assert_eq!(host.runtime.state_dir, Path::new("etc/.cofferdam"));
        let deployed = Manifest::parse("deployment 3", "[app]\nid = \"a\"\n[broker]\nkind = \"kafka\"\n").unwrap().on(host);
        assert!(matches!(deployed.broker, Broker::Kafka(_)), "what the file does not say stays");
        assert_eq!((deployed.runtime.memory_bytes, deployed.state_dir()), (64 << 20, PathBuf::from("etc/.cofferdam")));
        let tls = deployed.admin.tls.as_ref().unwrap();
        let files = [&tls.cert, &tls.key].map(|path| deployed.folder().join(path));
        assert_eq!(files, [PathBuf::from("etc/a.pem"), PathBuf::from("/b.key")]);
    }

    #[test]
    fn what_is_an_apps_is_refused_in_a_hosts_file() {
        let refused = OfHost::parse(Path::new("host.toml"), "[app]\nid = \"a\"\n").unwrap_err();
        assert_eq!(refused.len(), 1, "{refused:?}");
        let place = refused[0].place.as_ref().map(ToString::to_string).unwrap_or_default();
        assert!(place.starts_with("host.toml:1"), "{place}");
        assert!(refused[0].to_string().contains("in the host's file"), "{}", refused[0]);
    }

    #[test]
    fn what_a_manifest_says_of_its_host_goes_with_it_to_another_app() {
        let manifest = Manifest::parse("apps/a.toml", "[app]\nid = \"a\"\n[runtime]\nstate-dir = \"state\"\n").unwrap();
        let other = Manifest::parse("deployment 3", "[app]\nid = \"b\"\n").unwrap().on(manifest.of_host());
        assert_eq!(other.state_dir(), manifest.state_dir());
    }
}
