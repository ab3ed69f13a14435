//! What hosts of a group have gone over to while they ran. A member keeps the name with which it came, and that tells of the graph of then; so
//! those that go over commit, beside their tasks' offsets, how far the group has followed the topic of deployments, and which graph that is.

use crate::broker::{Broker, BrokerError, Committed, Member};
use crate::record::TopicPartition;
use crate::runtime::Note;

use super::deployments::deployments_topic;

/// A graph that a group has gone over to: from then on no member runs an earlier one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entered {
    /// The number of the deployment.
    pub deployment: u64,
    /// The digest of its graph.
    pub graph: String,
}

impl Entered {
    /// The last one of an app's group; `None`: whoever is there runs that with which it came.
    pub fn read(broker: &dyn Broker, app: &str) -> Result<Option<Self>, BrokerError> {
        Ok(broker.committed(app, &place(app))?.and_then(|committed| Self::parse(&committed.metadata)))
    }

    /// What members commit. The offset says that all of the topic is dealt with.
    pub fn note(&self, broker: &dyn Broker, app: &str) -> Result<Note, BrokerError> {
        let (_, end) = broker.bounds(&place(app))?;
        Ok((place(app), Committed { offset: end, metadata: format!("{} {}", self.deployment, self.graph) }))
    }

    fn parse(text: &str) -> Option<Self> {
        let (deployment, graph) = text.split_once(' ')?;
        Some(Self { deployment: deployment.parse().ok()?, graph: graph.to_owned() })
    }

    /// Lets each of an app's members tell the graph that it runs, instead of the one with which it came. The members were asked for just before: who
    /// has gone over had said so before it took what it is seen with.
    pub fn apply(broker: &dyn Broker, app: &str, members: &mut [Member]) -> Result<(), BrokerError> {
        if members.iter().all(|member| member.announced.as_ref().is_none_or(|announced| announced.deployment.is_none())) {
            return Ok(());
        }
        let entered = Self::read(broker, app)?;
        for member in members {
            let runs = Self::graph_of(entered.as_ref(), member).map(str::to_owned);
            if let (Some(runs), Some(announced)) = (runs, &mut member.announced) {
                announced.graph = runs;
            }
        }
        Ok(())
    }

    /// The graph that a member runs; `None`: it has said nothing.
    fn graph_of<'a>(entered: Option<&'a Self>, member: &'a Member) -> Option<&'a str> {
        let announced = member.announced.as_ref()?;
        // One that came later came with another graph than that, or with the same.
        let gone_over = entered.filter(|entered| announced.deployment.is_some_and(|came_with| came_with <= entered.deployment));
        Some(gone_over.map_or(&announced.graph, |entered| &entered.graph))
    }
}

fn place(app: &str) -> TopicPartition {
    TopicPartition::new(deployments_topic(app), 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::Announcement;

    #[test]
    fn a_member_that_came_before_its_group_went_over_has_gone_over_too() {
        let member = |deployment| {
            let announced = Announcement { graph: "old".into(), deployment, address: None };
            Member { announced: Some(announced), ..Member::default() }
        };
        let entered = Entered::parse("5 new").unwrap();
        let of = |entered, deployment| Entered::graph_of(entered, &member(deployment)).unwrap().to_owned();
        assert_eq!([Some(4), Some(5)].map(|came_with| of(Some(&entered), came_with)), ["new", "new"]);
        // It came later; from a manifest, which follows nothing; or nobody has ever gone over.
        assert_eq!([of(Some(&entered), Some(6)), of(Some(&entered), None), of(None, Some(4))], ["old", "old", "old"]);
        assert_eq!(Entered::graph_of(Some(&entered), &Member::default()), None);
        // A stream time is no such note.
        assert_eq!([Entered::parse(""), Entered::parse("17"), Entered::parse("x y")], [None, None, None]);
    }
}
