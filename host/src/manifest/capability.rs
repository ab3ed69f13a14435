//! What a component may be given of its host, beyond the contract: `allow` of a processor asks for it, and `--allow` of a host is the ceiling.

use std::fmt;
use std::str::FromStr;

/// Something of a host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capability {
    /// `env:NAME`: one variable of its environment.
    Variable(String),
    /// `clock`: its clocks, in place of the task's.
    Clock,
    /// `random`: its random bits, in place of the task's.
    Random,
}

/// As it is written.
impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "env:{name}"),
            Self::Clock => f.write_str("clock"),
            Self::Random => f.write_str("random"),
        }
    }
}

/// What no host gives yet, by how it could be written.
const NOT_YET: [&str; 10] = ["dir", "file", "files", "filesystem", "fs", "http", "net", "socket", "sockets", "tcp"];

impl FromStr for Capability {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let kind = text.split_once(':').map_or(text, |(kind, _)| kind);
        match (text, text.strip_prefix("env:")) {
            ("clock", _) => Ok(Self::Clock),
            ("random", _) => Ok(Self::Random),
            (_, Some(name)) if !name.is_empty() && !name.contains(['=', '\0', '*']) => Ok(Self::Variable(name.to_owned())),
            (_, Some(_)) => Err("names no variable of the environment".to_owned()),
            _ if NOT_YET.contains(&kind) || text.starts_with("wasi:filesystem") || text.starts_with("wasi:sockets") => {
                Err(format!("is '{text}', and files and sockets are given to no component in this version"))
            }
            _ => Err(format!("is '{text}', which nobody knows")),
        }
    }
}

/// What can be written.
pub const CAPABILITIES: &str = "\"env:NAME\", \"clock\" and \"random\"";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capability_is_read_as_it_is_written() {
        for text in ["env:HOME", "env:a-b.c", "clock", "random"] {
            assert_eq!(text.parse::<Capability>().unwrap().to_string(), text);
        }
        for (text, why) in [
            ("env:", "names no variable of the environment"),
            ("env:*", "names no variable of the environment"),
            ("Clock", "is 'Clock', which nobody knows"),
            ("dir:/tmp", "is 'dir:/tmp', and files and sockets are given to no component in this version"),
            ("wasi:sockets/tcp", "is 'wasi:sockets/tcp', and files and sockets are given to no component in this version"),
        ] {
            assert_eq!(text.parse::<Capability>().unwrap_err(), why);
        }
    }
}
