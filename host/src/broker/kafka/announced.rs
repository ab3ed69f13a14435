//! What the members of a group tell each other: in the name of their client, `NAME/GRAPH.DEPLOYMENT/HOST:PORT`, which everybody can list. A
//! coordinator keeps the name with which a static member came first, also when it comes back with another one, until the member has left.

use crate::broker::port::Announcement;

/// Stands where there is no address.
const NOWHERE: &str = "-";

/// A client's name with an announcement.
pub(super) fn written(name: &str, announced: Option<&Announcement>) -> String {
    match announced {
        Some(Announcement { graph, deployment, address }) => {
            let deployment = deployment.map_or_else(String::new, |number| format!(".{number}"));
            format!("{name}/{graph}{deployment}/{}", address.as_deref().unwrap_or(NOWHERE))
        }
        None => name.to_owned(),
    }
}

/// Name and announcement of a client; others than hosts announce nothing.
pub(super) fn read(client: &str) -> (&str, Option<Announcement>) {
    let mut parts = client.splitn(3, '/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(name), Some(graph), Some(address)) => {
            let address = (address != NOWHERE).then(|| address.to_owned());
            let (graph, deployment) = graph.split_once('.').map_or((graph, None), |(graph, number)| (graph, number.parse().ok()));
            (name, Some(Announcement { graph: graph.to_owned(), deployment, address }))
        }
        _ => (client, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_announced_is_read_again() {
        for (address, deployment) in [(None, None), (Some("10.0.0.7:9464".to_owned()), Some(7)), (Some("[::1]:9464".to_owned()), None)] {
            let announced = Announcement { graph: "0123456789ab".into(), deployment, address };
            assert_eq!(read(&written("app-host-0", Some(&announced))), ("app-host-0", Some(announced)));
        }
        assert_eq!(read(&written("app-host-0", None)), ("app-host-0", None));
        assert_eq!(read("somebody/else"), ("somebody/else", None));
    }
}
