//! What is published of an app: its manifest without what is a host's own, and the components that it names. The same manifest and the same
//! components always make the same bundle.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::signing::Signature;
use crate::component::{self, Component};
use crate::error::Diagnostic;
use crate::limits;
use crate::manifest::ComponentRef;

/// A manifest and its components.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The manifest as it was written, without `[broker]`, `[runtime]` and `[admin]`.
    pub manifest: String,
    /// What it calls each component, and what that is.
    pub components: BTreeMap<String, Component>,
}

/// What a bundle is, without the bytes of its components.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outline {
    /// See [`Bundle::manifest`].
    pub manifest: String,
    /// By what the manifest calls it.
    pub components: BTreeMap<String, Part>,
    /// Who vouches for it; no part of its digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
}

/// A component of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its digest.
    pub digest: String,
    /// Its size.
    pub bytes: usize,
}

impl Part {
    /// In how many chunks it is published.
    pub fn chunks(&self) -> usize {
        self.bytes.div_ceil(limits::DEPLOYMENT_CHUNK_BYTES)
    }
}

impl Bundle {
    /// That of a manifest's text. `found`: the components by their nodes.
    pub fn new(text: &str, found: &BTreeMap<String, Component>) -> Result<Self, Diagnostic> {
        let components = found.values().map(|component| (component.name.clone(), component.clone())).collect();
        Ok(Self { manifest: crate::manifest::published(text)?, components })
    }

    /// Everything but the bytes.
    pub fn outline(&self) -> Outline {
        let part = |component: &Component| Part { digest: component.digest.clone(), bytes: component.bytes.len() };
        let components = self.components.iter().map(|(name, of)| (name.clone(), part(of))).collect();
        Outline { manifest: self.manifest.clone(), components, signature: None }
    }

    /// One name for the whole.
    pub fn digest(&self) -> String {
        self.outline().digest()
    }

    /// The component that the manifest calls so.
    pub fn component(&self, reference: &ComponentRef) -> Result<Component, Diagnostic> {
        let found = self.components.get(&reference.to_string());
        found.cloned().ok_or_else(|| Diagnostic::run("R101", format!("the deployment has no component {reference}")))
    }
}

impl Outline {
    /// One name for the whole.
    pub fn digest(&self) -> String {
        // Keys are in order, so the text is the same for the same bundle.
        component::digest(&serde_json::to_vec(&Self { signature: None, ..self.clone() }).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(name: &str, bytes: &'static [u8]) -> Component {
        Component { name: name.into(), digest: component::digest(bytes), bytes: bytes.into() }
    }

    #[test]
    fn a_bundle_is_what_was_written_and_nothing_of_the_host() {
        let text = "# Counts.\n[app]\nid = \"app\"\n\n[broker]\nkind = \"kafka\"\nbootstrap = \"here:9092\"\n[broker.client]\n\"sasl.password\" = \
                    \"${SECRET}\"\n\n[runtime]\nthreads = 7\n[sources.in]   # the only one\ntopic = \"${TOPIC}\"\n[admin]\npublic = \"none\"\n";
        let found = BTreeMap::from([("a".to_owned(), component("x.wasm", b"x")), ("b".to_owned(), component("x.wasm", b"x"))]);
        let bundle = Bundle::new(text, &found).unwrap();
        assert_eq!(bundle.manifest, "# Counts.\n[app]\nid = \"app\"\n[sources.in]   # the only one\ntopic = \"${TOPIC}\"\n");
        assert_eq!(bundle.components.len(), 1);
        assert_eq!(bundle.digest(), Bundle::new(text, &found).unwrap().digest());
        let other = BTreeMap::from([("a".to_owned(), component("x.wasm", b"y"))]);
        assert_ne!(bundle.digest(), Bundle::new(text, &other).unwrap().digest());
        let elsewhere = text.replace("here", "there").replace("threads = 7", "threads = 8");
        assert_eq!(bundle.digest(), Bundle::new(&elsewhere, &found).unwrap().digest());
    }
}
