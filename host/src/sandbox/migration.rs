//! One step of a component's way from the state of an older version to its own: where it stands is read beside the state, and written there.

use crate::limits;
use crate::node::{Failure, Lent, Migration, TaskEnv};
use crate::store::StateVersion;

/// Does a step of the way of a node to `version`. `call` is given the version from which the state comes, and the cursor of the step before; it
/// gives the next cursor, or none when all is done.
pub(super) fn step(
    node: &str,
    version: u32,
    env: &mut Lent,
    call: impl FnOnce(&mut Lent, u32, Option<&[u8]>) -> Result<Option<Vec<u8>>, Failure>,
) -> Result<Migration, Failure> {
    let (from, cursor) = match lent(env)?.stores.state_version(node)? {
        Some(StateVersion::Whole(there)) if there >= version => return Ok(Migration::Done),
        Some(StateVersion::Whole(from)) => (from, None),
        Some(StateVersion::Between { from, cursor, .. }) => (from, Some(cursor)),
        None => (0, None),
    };
    let next = call(env, from, cursor.as_deref())?;
    let (came_to, stands) = match next {
        None => (Migration::Done, StateVersion::Whole(version)),
        Some(next) => {
            check(cursor.as_deref(), &next)?;
            (Migration::More, StateVersion::Between { from, to: version, cursor: next.into() })
        }
    };
    lent(env)?.stores.put_state_version(node, &stands)?;
    Ok(came_to)
}

/// A cursor has to move, for else the way has no end, and to be short enough for a cell.
fn check(before: Option<&[u8]>, next: &[u8]) -> Result<(), Failure> {
    if next.len() > limits::CELL_BYTES {
        return Err(Failure::Fatal(format!("`migrate` gave a cursor of {} bytes; the limit is {}", next.len(), limits::CELL_BYTES)));
    }
    if before == Some(next) {
        return Err(Failure::Fatal("`migrate` gave the same cursor twice: it would never end".into()));
    }
    Ok(())
}

fn lent(env: &mut Lent) -> Result<&mut TaskEnv, Failure> {
    env.as_deref_mut().ok_or_else(|| Failure::Fatal("the task's state is lent to somebody else".into()))
}
