//! Output ports: their numbers in a frame, and what is said of one that is not declared.

use crate::failure::Failure;

/// Bytes of a port's name that an error shows, as many as the host shows.
const PORT_BYTES_SHOWN: usize = 64;

/// The ports that outputs may go to.
#[derive(Debug)]
pub(crate) enum Ports {
    /// Those that `describe` names.
    Declared(Vec<String>),
    /// Any, in a test without a processor; those that were used so far.
    #[cfg(not(target_arch = "wasm32"))]
    Any(Vec<String>),
}

impl Ports {
    pub(crate) fn names(&self) -> &[String] {
        match self {
            Self::Declared(names) => names,
            #[cfg(not(target_arch = "wasm32"))]
            Self::Any(names) => names,
        }
    }

    /// A port's number in a frame; none: it may not be used. The default port may be named as `describe` names it: by the empty text.
    pub(crate) fn slot(&mut self, port: &str) -> Option<u32> {
        #[cfg(not(target_arch = "wasm32"))]
        if let Self::Any(names) = self
            && !names.iter().any(|known| known == port)
        {
            names.push(port.to_owned());
        }
        if port.is_empty() {
            return Some(0);
        }
        self.names().iter().position(|known| known == port).map(|index| index as u32 + 1)
    }

    /// The failure of an output to a port that may not be used, in the host's words.
    pub(crate) fn refuse(&self, port: &str) -> Failure {
        let port = &port[..port.floor_char_boundary(PORT_BYTES_SHOWN)];
        let known = if self.names().is_empty() { "it has none".to_owned() } else { format!("it has {}", self.names().join(", ")) };
        Failure::fatal(format!("output to the port '{port}', which this node does not declare; {known}"))
    }
}
