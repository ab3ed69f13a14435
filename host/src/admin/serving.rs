//! HTTP on a thread of its own, until dropped: what the control socket and the public port have in common.

use std::fmt::Debug;
use std::io;
use std::thread::JoinHandle;

use axum::Router;
use axum::serve::Listener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::limits;

/// A server at work.
pub(super) struct Serving {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Serving {
    /// A runtime for one server.
    pub(super) fn runtime() -> io::Result<Runtime> {
        tokio::runtime::Builder::new_current_thread().enable_all().build()
    }

    /// Serves a listener that was made inside `runtime`. `what` is for messages.
    pub(super) fn start<L>(what: &'static str, runtime: Runtime, listener: L, router: Router) -> io::Result<Self>
    where
        L: Listener,
        L::Addr: Debug,
    {
        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            runtime.block_on(async move {
                let (tell_end, end) = oneshot::channel();
                let until = async move {
                    // A dropped sender means the same: the host ends.
                    let _ = stopped.await;
                    let _ = tell_end.send(());
                };
                let overdue = async move {
                    let _ = end.await;
                    tokio::time::sleep(limits::CONTROL_SHUTDOWN).await;
                };
                tokio::select! {
                    served = axum::serve(listener, router).with_graceful_shutdown(until).into_future() => {
                        if let Err(why) = served {
                            tracing::error!("the {what} failed: {why}");
                        }
                    }
                    () = overdue => tracing::warn!("an answer of the {what} was cut short: the host ends"),
                }
            });
            // Whoever still works on an answer has nobody to give it to.
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name(what.replace(' ', "-")).spawn(serve)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
