//! Who speaks to a stream thread from outside.

use std::sync::mpsc::Sender;

use super::board::ThreadBoard;
use super::status::Command;

/// Speaks to one stream thread. Clones speak to the same one.
#[derive(Clone, Debug)]
pub struct Caller {
    commands: Sender<Command>,
    board: ThreadBoard,
}

impl Caller {
    /// `board`: the thread's, where it leaves what wakes it.
    pub fn new(commands: Sender<Command>, board: ThreadBoard) -> Self {
        Self { commands, board }
    }

    /// Tells the thread, and wakes it; false when it has ended.
    pub fn tell(&self, command: Command) -> bool {
        let heard = self.commands.send(command).is_ok();
        self.board.wake();
        heard
    }
}
