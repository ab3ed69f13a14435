//! Signatures of deployments (ed25519, RFC 8032): whoever can write the topic does not own the hosts that trust a key. The only user of the curve.
//!
//! Signed is the app, the number of the deployment, the one that it was planned on, and the digest of the whole: a signature is of no use
//! elsewhere, nor a second time. Keys are PEM files as `openssl genpkey -algorithm ed25519` and `openssl pkey -pubout` write them.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use super::deployments::Deployment;
use crate::error::Diagnostic;

/// What the signed text begins with, so that nothing else that a key signs is taken for it.
const DOMAIN: &str = "cofferdam deployment, signature 1";
/// DER of a private key (PKCS#8, RFC 8410) up to its 32 bytes.
const PRIVATE: &[u8] = &[0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
/// DER of a public key (SubjectPublicKeyInfo) up to its 32 bytes.
const PUBLIC: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A signature, as it is published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// The public key, in base64.
    pub key: String,
    /// The signature itself, in base64.
    pub value: String,
}

/// A key that signs.
pub struct SignKey(SigningKey);

impl SignKey {
    /// From a file: PKCS#8 in PEM.
    pub fn read(file: &Path) -> Result<Self, Diagnostic> {
        Ok(Self(SigningKey::from_bytes(&key(file, "PRIVATE KEY", PRIVATE)?)))
    }

    /// Signs what is to be published with this digest in the place of `planned_on`.
    pub fn sign(&self, app: &str, planned_on: Option<u64>, digest: &str) -> Signature {
        let value = self.0.sign(text(app, planned_on.unwrap_or(0) + 1, digest).as_bytes());
        Signature { key: STANDARD.encode(self.0.verifying_key().as_bytes()), value: STANDARD.encode(value.to_bytes()) }
    }
}

/// Keys of those whose deployments a host takes; none: it takes everybody's.
#[derive(Clone, Debug, Default)]
pub struct Trust(Vec<VerifyingKey>);

impl Trust {
    /// Those in these files: public keys in PEM.
    pub fn read<'a>(files: impl IntoIterator<Item = &'a Path>) -> Result<Self, Diagnostic> {
        let one = |file: &Path| {
            let key = VerifyingKey::from_bytes(&key(file, "PUBLIC KEY", PUBLIC)?);
            key.map_err(|why| no_key(file, &why.to_string()))
        };
        files.into_iter().map(one).collect::<Result<_, _>>().map(Self)
    }

    /// Refuses what nobody has signed whom this host trusts. `running`: the deployment that it runs, which no older one follows.
    pub fn check(&self, app: &str, deployment: &Deployment, running: Option<u64>) -> Result<(), Diagnostic> {
        if self.0.is_empty() {
            return Ok(());
        }
        let refused = |why: &str| {
            Diagnostic::usage("R107", format!("deployment {} of '{app}' is not to be trusted", deployment.version))
                .because(why)
                .hint("`cofferdam deploy --sign KEY.pem` signs one; this host takes what is signed with a key of --trust")
        };
        if running.is_some_and(|running| deployment.version < running) {
            return Err(refused("it is older than the one that runs"));
        }
        let Some(signature) = &deployment.signature else { return Err(refused("nobody has signed it")) };
        let key = STANDARD.decode(&signature.key).ok();
        let Some(key) = self.0.iter().find(|known| key.as_deref() == Some(&known.as_bytes()[..])) else {
            return Err(refused("it is signed with a key that this host does not know"));
        };
        let value = STANDARD.decode(&signature.value).ok().and_then(|value| ed25519_dalek::Signature::from_slice(&value).ok());
        let signed = text(app, deployment.version, &deployment.bundle.digest());
        match value {
            Some(value) if key.verify_strict(signed.as_bytes(), &value).is_ok() => Ok(()),
            _ => Err(refused("its signature is that of something else")),
        }
    }
}

/// What is signed. Neither an app's id nor a digest has a line break.
fn text(app: &str, version: u64, digest: &str) -> String {
    format!("{DOMAIN}\n{app}\n{version}\n{}\n{digest}\n", version.saturating_sub(1))
}

/// The 32 bytes of a key.
fn key(file: &Path, label: &str, head: &[u8]) -> Result<[u8; 32], Diagnostic> {
    let text = std::fs::read_to_string(file).map_err(|why| no_key(file, &why.to_string()))?;
    let inside =
        text.split_once(&format!("-----BEGIN {label}-----")).and_then(|(_, rest)| rest.split_once(&format!("-----END {label}-----")));
    let Some((inside, _)) = inside else { return Err(no_key(file, &format!("there is no -----BEGIN {label}----- in it"))) };
    let packed: String = inside.chars().filter(|c| !c.is_whitespace()).collect();
    let der = STANDARD.decode(packed).map_err(|why| no_key(file, &why.to_string()))?;
    // Some writers put the public key behind a private one.
    let bytes = der.strip_prefix(head).or_else(|| der.get(2..).filter(|_| head == PRIVATE).and_then(second_version)).unwrap_or_default();
    bytes.get(..32).and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| no_key(file, "it is no key of ed25519"))
}

/// A private key of the second version (RFC 5958), behind its first two bytes.
fn second_version(der: &[u8]) -> Option<&[u8]> {
    let head = PRIVATE.get(5..)?;
    der.strip_prefix(&[0x02, 0x01, 0x01])?.strip_prefix(head)
}

fn no_key(file: &Path, why: &str) -> Diagnostic {
    Diagnostic::usage("R108", format!("the key {} cannot be used", file.display()))
        .because(why)
        .hint("`openssl genpkey -algorithm ed25519 -out KEY.pem` makes one, `openssl pkey -in KEY.pem -pubout` prints its public half")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::*;
    use crate::deploy::Bundle;

    /// Both of `openssl`: of RFC 8410, section 10, and of its first test key.
    const KEY: &str =
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
    const PUBLIC_KEY: &str =
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
    const OTHER_KEY: &str =
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n-----END PRIVATE KEY-----\n";

    fn file(dir: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn deployment(version: u64, manifest: &str, signature: Option<Signature>) -> Deployment {
        Deployment { version, bundle: Bundle { manifest: manifest.into(), components: BTreeMap::new() }, signature }
    }

    #[test]
    fn what_is_signed_with_a_known_key_is_taken_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let (key, other) = (SignKey::read(&file(&dir, "k", KEY)).unwrap(), SignKey::read(&file(&dir, "o", OTHER_KEY)).unwrap());
        let trust = Trust::read([&*file(&dir, "p", PUBLIC_KEY)]).unwrap();
        let digest = deployment(0, "x", None).bundle.digest();
        let good = key.sign("app", Some(4), &digest);
        let why = |app: &str, deployment: &Deployment, running| trust.check(app, deployment, running).map_err(|e| e.causes[0].clone());
        assert_eq!(why("app", &deployment(5, "x", Some(good.clone())), Some(4)), Ok(()));
        let elsewhere = Err("its signature is that of something else".to_owned());
        let cases = [
            ("app", deployment(5, "x", None), None, Err("nobody has signed it".to_owned())),
            (
                "app",
                deployment(5, "x", Some(other.sign("app", Some(4), &digest))),
                None,
                Err("it is signed with a key that this host does not know".to_owned()),
            ),
            ("other", deployment(5, "x", Some(good.clone())), None, elsewhere.clone()),
            ("app", deployment(6, "x", Some(good.clone())), None, elsewhere.clone()),
            ("app", deployment(5, "y", Some(good.clone())), None, elsewhere.clone()),
            ("app", deployment(5, "x", Some(Signature { value: "?".into(), ..good.clone() })), None, elsewhere),
            ("app", deployment(5, "x", Some(good)), Some(6), Err("it is older than the one that runs".to_owned())),
        ];
        for (app, deployment, running, expected) in cases {
            assert_eq!(why(app, &deployment, running), expected, "{app} {deployment:?}");
            // Who trusts nobody in particular takes everybody's.
            assert_eq!(Trust::default().check(app, &deployment, running), Ok(()));
        }
    }

    #[test]
    fn a_file_without_a_key_is_told() {
        let dir = tempfile::tempdir().unwrap();
        for (text, why) in [
            ("", "there is no -----BEGIN PRIVATE KEY----- in it"),
            (PUBLIC_KEY, "there is no -----BEGIN PRIVATE KEY----- in it"),
            ("-----BEGIN PRIVATE KEY-----\nMC4CAQAw\n-----END PRIVATE KEY-----\n", "it is no key of ed25519"),
        ] {
            let refused = SignKey::read(&file(&dir, "k", text)).err().unwrap();
            assert_eq!((refused.code, &*refused.causes[0]), ("R108", why));
        }
    }
}
