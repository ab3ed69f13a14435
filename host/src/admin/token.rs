//! The token in the state folder: whoever can read it may change the host. And the one that all hosts of an app have, which opens stores alone.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::clock::machine_random;
use crate::error::Diagnostic;

/// Name of the token's file in the state folder.
pub const TOKEN_FILE: &str = "token";

/// Bytes of chance in a token.
const BYTES: usize = 32;

/// What a token is compared by. Two that are compared differ, if they do, from the first byte on, whatever they have in common.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Token([u8; 32]);

impl Token {
    fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// The token in a file; made, with mode 0600, when absent.
    pub(super) fn in_file(path: &Path) -> Result<Self, Diagnostic> {
        let failed = |why: std::io::Error| {
            let problem = Diagnostic::run("R135", format!("the token {} cannot be used", path.display())).because(why);
            problem.hint("without a port for the admin API (listen = \"none\" in [admin]) none is needed")
        };
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Ok(mut file) => {
                let text = random().map_err(failed)?;
                file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
                Ok(Self::of(&text))
            }
            Err(why) if why.kind() == ErrorKind::AlreadyExists => {
                written(path, "delete it, and the next start makes a new one", failed).map(|text| Self::of(&text))
            }
            Err(why) => Err(failed(why)),
        }
    }

    /// That of the peers.
    pub(super) fn shared_in(path: &Path) -> Result<Self, Diagnostic> {
        shared(path).map(|text| Self::of(&text))
    }

    /// Whether a header `Authorization` holds it. Digests are compared: how long that takes tells nothing of the token.
    pub(super) fn is_in(&self, authorization: Option<&[u8]>) -> bool {
        let text = authorization.and_then(|header| std::str::from_utf8(header).ok()).unwrap_or_default();
        let given = text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        given.is_some_and(|(_, token)| Self::of(token.trim()) == *self)
    }
}

/// The token that all hosts of an app have, in words.
pub(super) fn shared(path: &Path) -> Result<String, Diagnostic> {
    let hint = "make one, and give every host the same: `openssl rand -hex 32`, in a file that its owner alone can read";
    written(path, hint, |why| unusable(path, &why.to_string(), hint))
}

/// What stands in a token's file. `otherwise`: what to do where that is no token.
fn written(path: &Path, otherwise: &str, failed: impl Fn(std::io::Error) -> Diagnostic) -> Result<String, Diagnostic> {
    if fs::metadata(path).map_err(&failed)?.permissions().mode() & 0o077 != 0 {
        return Err(unusable(path, "others than its owner may read or write it", &format!("chmod 600 {}", path.display())));
    }
    let text = fs::read_to_string(path).map_err(&failed)?;
    let text = text.trim_end();
    if text.len() != 2 * BYTES || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(unusable(path, "it does not hold 64 hexadecimal digits", otherwise));
    }
    Ok(text.to_owned())
}

fn unusable(path: &Path, why: &str, hint: &str) -> Diagnostic {
    Diagnostic::run("R135", format!("the token {} cannot be used", path.display())).because(why).hint(hint)
}

/// Bits of chance from the system, in hexadecimal.
fn random() -> std::io::Result<String> {
    Ok(machine_random::<BYTES>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_made_once_and_its_owner_alone_can_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(TOKEN_FILE);
        let token = Token::in_file(&path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!((text.len(), fs::metadata(&path).unwrap().permissions().mode() & 0o777), (64, 0o600));
        assert!(Token::in_file(&path).unwrap() == token);
        let header = |text: String| token.is_in(Some(text.as_bytes()));
        assert!(header(format!("Bearer {text}")) && header(format!("bearer  {text} ")));
        assert!(!header(text.clone()) && !header(format!("Basic {text}")) && !header(format!("Bearer {}", &text[1..])));
        assert!(!header("Bearer ".to_owned()) && !token.is_in(None) && !token.is_in(Some(b"Bearer \xff")));
    }

    #[test]
    fn a_token_that_others_can_read_or_that_is_none_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(TOKEN_FILE);
        for (text, mode, why) in [("0".repeat(64), 0o640, "others than its owner"), ("short".to_owned(), 0o600, "it does not hold 64")] {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let refused = Token::in_file(&path).map(|_| ()).unwrap_err();
            assert!(refused.causes[0].starts_with(why), "{refused}");
            assert!(shared(&path).unwrap_err().causes[0].starts_with(why));
        }
        // That of all hosts is not made by one of them.
        let absent = dir.path().join("peers.token");
        assert_eq!(shared(&absent).unwrap_err().code, "R135");
        assert!(!absent.exists());
    }
}
