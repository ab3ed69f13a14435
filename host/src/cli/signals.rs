//! SIGTERM and SIGINT, as messages.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
pub struct Ear {
    heard: Receiver<Told>,
    told: Arc<AtomicBool>,
}

impl Ear {
    /// Begins to listen.
    pub fn open() -> io::Result<Self> {
        let mut signals = Signals::new([SIGTERM, SIGINT])?;
        let (tell, heard) = channel();
        let told = Arc::<AtomicBool>::default();
        let flag = told.clone();
        let listen = move || {
            for (count, signal) in signals.forever().enumerate() {
                if count > 0 {
                    // 128 + the signal's number, as shells have it.
                    std::process::exit(128 + signal);
                }
                flag.store(true, Ordering::Relaxed);
                let _ = tell.send(if signal == SIGINT { Told::Leave } else { Told::Restart });
            }
        };
        std::thread::Builder::new().name("signals".into()).spawn(listen)?;
        Ok(Self { heard, told })
    }

    /// True once a signal has come: for who cannot be asked in between.
    pub fn told(&self) -> &Arc<AtomicBool> {
        &self.told
    }

    /// A signal that has come already.
    pub fn heard(&self) -> Option<Told> {
        self.heard.try_recv().ok()
    }

    /// Waits for a signal, at most so long.
    pub fn wait(&self, at_most: Duration) -> Option<Told> {
        self.heard.recv_timeout(at_most).ok()
    }
}
