//! The control socket: the API over a Unix socket that only the owner can open (mode 0600).

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::UnixListener;

use super::desk::Desk;
use super::routes::{for_the_owner, router};
use super::serving::Serving;
use crate::error::Diagnostic;

/// The socket's server, on a thread of its own.
pub struct ControlServer {
    path: PathBuf,
    serving: Option<Serving>,
}

impl ControlServer {
    /// Listens at `path`. Whoever calls holds the state folder's lock, so a socket that is there already belongs to nobody.
    pub fn start(path: &Path, desk: Arc<Desk>) -> Result<Self, Diagnostic> {
        let failed = |why: std::io::Error| {
            Diagnostic::run("R033", format!("the control socket {} cannot be opened", path.display()))
                .because(why)
                .hint("a Unix socket's path has at most 107 bytes: a state folder with a shorter path helps (`--state-dir`)")
        };
        let runtime = Serving::runtime().map_err(failed)?;
        let _ = std::fs::remove_file(path);
        let listener = {
            let _inside = runtime.enter();
            UnixListener::bind(path).map_err(failed)?
        };
        std::fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(failed)?;
        let serving = Serving::start("control socket", runtime, listener, router(desk.clone(), |api| api.merge(for_the_owner(desk))))
            .map_err(failed)?;
        Ok(Self { path: path.to_owned(), serving: Some(serving) })
    }
}

impl Drop for ControlServer {
    fn drop(&mut self) {
        drop(self.serving.take());
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;
    use crate::admin::AppTopics;
    use crate::broker::embedded::{EmbeddedLog, StateFolder};
    use crate::clock::VirtualClock;
    use crate::disk::Budget;
    use crate::limits;

    #[test]
    fn a_request_that_never_ends_does_not_keep_the_host() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Arc::new(StateFolder::lock(&dir.path().join("state")).unwrap());
        let clock = Arc::<VirtualClock>::default();
        let log = EmbeddedLog::open(folder, clock.clone(), &Budget::new(1 << 20, 16 << 20)).unwrap();
        let (topics, retrying) = (AppTopics::default(), Mutex::default());
        let desk = Desk { app: "a".into(), broker: Arc::new(log), clock, topics, retrying, host: None, peers: None };
        let path = dir.path().join("socket");
        let server = ControlServer::start(&path, Arc::new(desk)).unwrap();
        let mut endless = UnixStream::connect(&path).unwrap();
        endless.write_all(b"POST /topics/t/records HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf").unwrap();
        // Once this one is answered the other one is being read.
        let mut other = UnixStream::connect(&path).unwrap();
        other.write_all(b"GET /status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        other.read_to_end(&mut Vec::new()).unwrap();
        let (ended, end) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            drop(server);
            ended.send(()).unwrap();
        });
        end.recv_timeout(limits::CONTROL_SHUTDOWN + Duration::from_secs(30)).unwrap();
    }
}
