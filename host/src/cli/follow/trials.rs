//! What comes of the trials of deployed components: one that is taken back stays so after a restart.

use super::Follow;
use crate::component::short;
use crate::runtime::NodeVersion;

use super::super::report;

impl Follow {
    /// Notes what was taken back since the last look, and forgets what has passed after all.
    pub(super) fn note_trials(&self) {
        // What is still to be taken may be what ends a mark.
        if self.pending.is_some() {
            return;
        }
        self.host.versions().iter().for_each(|version| self.note(version));
    }

    fn note(&self, version: &NodeVersion) {
        let node = &*version.node;
        let (Some(at_work), Some(deployed)) = (version.digest.as_deref(), self.running.app.found.get(node)) else { return };
        let mut taken_back = self.deployed.taken_back();
        if taken_back.is(node, at_work) && !version.status.on_trial {
            taken_back.forget(node);
        }
        let Some(why) = version.status.rolled_back.as_deref().filter(|_| *deployed.digest != *at_work) else { return };
        // One that is behind, or was refused, was never at work, and why another one is rolled back is no matter of it.
        if taken_back.is(node, &deployed.digest) || self.behind.contains(node) || self.refused.contains(node) {
            return;
        }
        // What somebody has swapped in by hand is nowhere kept.
        let Some(instead) = self.known.get(at_work) else { return };
        match taken_back.note(node, &deployed.digest, why, instead) {
            Ok(()) => tracing::warn!(
                processor = node,
                "{} works on in place of {}, after a restart too, until another component is deployed",
                short(at_work),
                short(&deployed.digest)
            ),
            Err(problem) => tracing::error!(processor = node, "a restart takes what was taken back: {}", report::line(&problem)),
        }
    }
}
