//! SIGTERM and SIGINT, as messages.

use std::io;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// What the process was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// SIGTERM: a restart is expected.
    Restart,
    /// SIGINT: it is over for good.
    Leave,
}

/// Hears signals. A second one ends the process at once.
pub struct Ear(Receiver<Told>);

impl Ear {
    /// Begins to listen.
    pub fn open() -> io::Result<Self> {
        let mut signals = Signals::new([SIGTERM, SIGINT])?;
        let (told, heard) = channel();
        let listen = move || {
            for (count, signal) in signals.forever().enumerate() {
                if count > 0 {
                    // 128 + the signal's number, as shells have it.
                    std::process::exit(128 + signal);
                }
                let _ = told.send(if signal == SIGINT { Told::Leave } else { Told::Restart });
            }
        };
        std::thread::Builder::new().name("signals".into()).spawn(listen)?;
        Ok(Self(heard))
    }

    /// A signal that has come already.
    pub fn heard(&self) -> Option<Told> {
        self.0.try_recv().ok()
    }

    /// Waits for a signal, at most so long.
    pub fn wait(&self, at_most: Duration) -> Option<Told> {
        self.0.recv_timeout(at_most).ok()
    }
}
