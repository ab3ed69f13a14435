//! Ancestors before descendants; and circles, which have neither.

use std::collections::BTreeSet;

use super::draft::Draft;
use crate::error::Diagnostic;

impl Draft<'_> {
    /// The nodes in an order in which each comes after all that feed it, else in that of the manifest. Circles are errors.
    pub fn order(&mut self) -> Vec<usize> {
        let parents: Vec<Vec<usize>> = self.nodes.iter().map(|n| n.roles.iter().flat_map(|r| &r.edges).map(|e| e.from).collect()).collect();
        let mut done = Vec::new();
        loop {
            let waiting = ancestors_first(&parents, &mut done);
            let Some(circle) = find_circle(&parents, &waiting) else { return done };
            self.circle(&circle);
            done.extend(circle);
        }
    }

    /// `circle`: each node feeds the next, the last the first.
    fn circle(&mut self, circle: &[usize]) {
        let (Some(&first), Some(&last)) = (circle.first(), circle.last()) else { return };
        let name = |at: &usize| self.nodes.get(*at).map_or(String::new(), |n| n.name.to_string());
        let path: Vec<String> = circle.iter().chain([&first]).map(name).collect();
        let closing = self.nodes.get(first).into_iter().flat_map(|n| &n.roles).flat_map(|r| &r.edges).find(|e| e.from == last);
        let Some(place) = closing.map(|e| e.place.clone()) else { return };
        let error = Diagnostic::usage("T002", format!("records would run in a circle: {}", path.join(" -> ")));
        let hint = "cut it at one edge; to feed records back, write them to a topic with a sink and read that with a source";
        self.error(error.hint(hint), &place);
    }
}

/// Puts every node that can be reached in order behind `done`; gives those that cannot.
pub(super) fn ancestors_first(parents: &[Vec<usize>], done: &mut Vec<usize>) -> BTreeSet<usize> {
    let mut placed = vec![false; parents.len()];
    let mut waiting: BTreeSet<usize> = (0..parents.len()).collect();
    for at in done.iter() {
        waiting.remove(at);
        if let Some(placed) = placed.get_mut(*at) {
            *placed = true;
        }
    }
    let is_placed = |placed: &[bool], at: &usize| placed.get(*at).copied().unwrap_or(true);
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); parents.len()];
    for (at, above) in parents.iter().enumerate() {
        for parent in above {
            if let Some(below) = children.get_mut(*parent) {
                below.push(at);
            }
        }
    }
    let ready_now = |placed: &[bool], at: usize| parents.get(at).is_some_and(|above| above.iter().all(|p| is_placed(placed, p)));
    let mut ready: BTreeSet<usize> = waiting.iter().copied().filter(|at| ready_now(&placed, *at)).collect();
    while let Some(at) = ready.pop_first() {
        waiting.remove(&at);
        done.push(at);
        if let Some(placed) = placed.get_mut(at) {
            *placed = true;
        }
        let below = children.get(at).into_iter().flatten().copied();
        ready.extend(below.filter(|child| waiting.contains(child) && ready_now(&placed, *child)));
    }
    waiting
}

/// One circle among nodes that each have a parent among them, beginning with its first node in the manifest.
fn find_circle(parents: &[Vec<usize>], waiting: &BTreeSet<usize>) -> Option<Vec<usize>> {
    let mut path: Vec<usize> = Vec::new();
    let mut at = *waiting.first()?;
    loop {
        if let Some(start) = path.iter().position(|seen| *seen == at) {
            // The path went against the edges.
            let mut circle: Vec<usize> = path.split_off(start).into_iter().rev().collect();
            let first = circle.iter().enumerate().min_by_key(|(_, node)| **node).map_or(0, |(i, _)| i);
            circle.rotate_left(first);
            return Some(circle);
        }
        path.push(at);
        at = *parents.get(at)?.iter().find(|p| waiting.contains(p))?;
    }
}
