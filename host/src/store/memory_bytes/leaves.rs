//! The leaves, in the order of their keys.
//!
//! A map from keys would look at a key in the memory of its own for each comparison. Here the first bytes of a leaf's least key stand beside
//! each other as numbers, in lists that are short enough for a new leaf to be put in between.

use super::leaf::Leaf;
use crate::store::run::prefix;

/// Leaves of a list, above which it is cut in two. In tests so few that there are many lists.
const LIST_LEAVES: usize = if cfg!(test) { 8 } else { 512 };

/// All leaves. There is always one, the first, and it may hold any key up to the next leaf's.
#[derive(Debug)]
pub(super) struct Leaves {
    lists: Vec<List>,
}

/// Leaves that follow each other, with the least keys that they may hold; never empty.
#[derive(Debug, Default)]
struct List {
    begins: Vec<Begin>,
    leaves: Vec<Leaf>,
}

#[derive(Debug)]
struct Begin {
    prefix: u64,
    key: Box<[u8]>,
}

/// Where a leaf stands, as long as none comes or goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    list: usize,
    leaf: usize,
}

/// Where the leaf of every key from the least on begins.
const FIRST: At = At { list: 0, leaf: 0 };

impl Begin {
    fn of(key: &[u8]) -> Self {
        Self { prefix: prefix(key), key: key.into() }
    }

    fn is_up_to(&self, first: u64, key: &[u8]) -> bool {
        self.prefix < first || (self.prefix == first && *self.key <= *key)
    }
}

impl Default for Leaves {
    fn default() -> Self {
        Self { lists: vec![List { begins: vec![Begin::of(b"")], leaves: vec![Leaf::default()] }] }
    }
}

impl Leaves {
    /// The leaf of a key, which holds it if any does.
    pub fn find(&self, key: &[u8]) -> At {
        let first = prefix(key);
        // The very first may hold any.
        let list = self.lists.partition_point(|list| list.begins[0].is_up_to(first, key)).saturating_sub(1);
        let leaf = self.lists[list].begins.partition_point(|begin| begin.is_up_to(first, key)).saturating_sub(1);
        At { list, leaf }
    }

    /// A leaf.
    pub fn get(&self, at: At) -> &Leaf {
        &self.lists[at.list].leaves[at.leaf]
    }

    /// A leaf, to be changed.
    pub fn get_mut(&mut self, at: At) -> &mut Leaf {
        &mut self.lists[at.list].leaves[at.leaf]
    }

    /// The first leaf.
    pub fn first(&self) -> At {
        FIRST
    }

    /// The last leaf.
    pub fn last(&self) -> At {
        let list = self.lists.len() - 1;
        At { list, leaf: self.lists[list].leaves.len() - 1 }
    }

    /// The leaf behind this one.
    pub fn next(&self, at: At) -> Option<At> {
        if at.leaf + 1 < self.lists[at.list].leaves.len() {
            return Some(At { leaf: at.leaf + 1, ..at });
        }
        (at.list + 1 < self.lists.len()).then(|| At { list: at.list + 1, leaf: 0 })
    }

    /// The least key that a leaf may hold.
    pub fn begin(&self, at: At) -> &[u8] {
        &self.lists[at.list].begins[at.leaf].key
    }

    /// The leaves from one to another, both included.
    pub fn between(&self, from: At, to: At) -> impl DoubleEndedIterator<Item = &Leaf> {
        let lists = self.lists.get(from.list..=to.list).unwrap_or_default();
        lists.iter().zip(from.list..to.list + 1).flat_map(move |(list, number)| {
            let begin = if number == from.list { from.leaf } else { 0 };
            let end = if number == to.list { to.leaf + 1 } else { list.leaves.len() };
            list.leaves.get(begin..end).unwrap_or_default()
        })
    }

    /// Splits a leaf that has become too large.
    pub fn split(&mut self, at: At) {
        let parts = self.get_mut(at).split();
        if parts.is_empty() {
            return;
        }
        let begins: Vec<Begin> = parts.iter().map(|part| Begin::of(part.first().unwrap_or_default())).collect();
        let List { begins: all, leaves } = &mut self.lists[at.list];
        let behind = at.leaf + 1;
        all.splice(behind..behind, begins);
        leaves.splice(behind..behind, parts);
        while self.lists[at.list].leaves.len() > LIST_LEAVES {
            let List { begins, leaves } = &mut self.lists[at.list];
            let half = leaves.len() - LIST_LEAVES / 2;
            let second = List { begins: begins.split_off(half), leaves: leaves.split_off(half) };
            self.lists.insert(at.list + 1, second);
        }
    }

    /// Takes a leaf away that has no rows. The first one stays.
    pub fn remove(&mut self, at: At) {
        if at == FIRST {
            return;
        }
        let List { begins, leaves } = &mut self.lists[at.list];
        begins.remove(at.leaf);
        leaves.remove(at.leaf);
        if leaves.is_empty() {
            self.lists.remove(at.list);
        }
    }

    /// How many lists there are.
    #[cfg(test)]
    pub fn lists(&self) -> usize {
        self.lists.len()
    }
}
