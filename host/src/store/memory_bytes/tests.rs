//! Against a plain map, with so many rows that there are many leaves.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included, Unbounded};

use super::*;

/// xorshift64*: the same numbers in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end
    }

    /// Some of them are the beginnings of others, some differ behind the eighth byte alone.
    fn key(&mut self) -> Vec<u8> {
        let number = self.below(3_000).to_string();
        let key = if self.below(2) == 0 { number } else { format!("a longer key {number}") };
        [key.as_bytes(), &vec![0; self.below(2)]].concat()
    }

    fn value(&mut self) -> Option<Vec<u8>> {
        let length = match self.below(40) {
            0 => self.below(20_000),
            _ => self.below(200),
        };
        (self.below(4) > 0).then(|| vec![self.below(256) as u8; length])
    }
}

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

fn put(bytes: &mut MemoryBytes, map: &mut Map, key: Vec<u8>, value: Option<Vec<u8>>) {
    bytes.put(&key, value.as_deref()).unwrap();
    match value {
        Some(value) => map.insert(key, value),
        None => map.remove(&key),
    };
}

fn rows(bytes: &MemoryBytes, lower: Bound<&[u8]>, upper: Bound<&[u8]>, order: ScanOrder) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut rows = Vec::new();
    bytes
        .visit(lower, upper, order, &mut |key, value| {
            rows.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        })
        .unwrap();
    rows
}

fn leaves(bytes: &MemoryBytes) -> impl Iterator<Item = &Leaf> {
    bytes.leaves.between(bytes.leaves.first(), bytes.leaves.last())
}

fn compare(bytes: &MemoryBytes, map: &Map, random: &mut Random) {
    assert_eq!(bytes.approximate_count().unwrap(), map.len() as u64);
    let all: Vec<_> = map.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    assert!(rows(bytes, Unbounded, Unbounded, ScanOrder::Ascending) == all);
    let keys: Vec<Vec<u8>> = (0..50).map(|_| random.key()).collect();
    let mut found = Vec::new();
    bytes
        .show_many(&keys.iter().map(Vec::as_slice).collect::<Vec<_>>(), &mut |value| found.push(value.map(Bytes::copy_from_slice)))
        .unwrap();
    for (key, found) in keys.iter().zip(found) {
        assert_eq!(found.as_deref(), map.get(key).map(Vec::as_slice));
        assert_eq!(bytes.get(key).unwrap(), found);
    }
    for pair in keys.chunks(2) {
        let (low, high) = (pair[0].clone().min(pair[1].clone()), pair[0].clone().max(pair[1].clone()));
        for (lower, upper) in [(Included(&*low), Excluded(&*high)), (Excluded(&*low), Included(&*high)), (Unbounded, Excluded(&*low))] {
            if crate::store::ordered_bytes::holds_nothing(lower, upper) {
                continue;
            }
            let mut want: Vec<_> = map.range::<[u8], _>((lower, upper)).map(|(key, value)| (key.clone(), value.clone())).collect();
            assert!(rows(bytes, lower, upper, ScanOrder::Ascending) == want);
            want.reverse();
            assert!(rows(bytes, lower, upper, ScanOrder::Descending) == want);
        }
    }
}

#[test]
fn rows_are_those_of_a_map_however_they_came() {
    let (mut bytes, mut map, mut random) = (MemoryBytes::default(), Map::new(), Random(7));
    for round in 0..12 {
        let fills = round % 3 != 1;
        if fills {
            bytes.begin_fill().unwrap();
        }
        for _ in 0..4_000 {
            let (key, value) = (random.key(), random.value());
            put(&mut bytes, &mut map, key, value);
        }
        if fills {
            bytes.end_fill().unwrap();
        }
        compare(&bytes, &map, &mut random);
        let (from, to) = (random.key(), random.key());
        bytes.delete_range(&from, &to).unwrap();
        map.retain(|key, _| *key < from || *key >= to);
        compare(&bytes, &map, &mut random);
    }
    assert!(leaves(&bytes).count() > 100 && bytes.leaves.lists() > 10, "{} leaves, {} lists", leaves(&bytes).count(), bytes.leaves.lists());
    for key in map.keys().cloned().collect::<Vec<_>>() {
        put(&mut bytes, &mut map, key, None);
    }
    compare(&bytes, &map, &mut random);
    assert_eq!((leaves(&bytes).count(), bytes.leaves.lists()), (1, 1), "nothing is left of what was there");
}

#[test]
fn a_leaf_takes_up_little_more_than_its_rows() {
    let mut bytes = MemoryBytes::default();
    let mut random = Random(3);
    for _ in 0..100_000 {
        bytes.put(&random.below(20_000).to_be_bytes(), Some(&vec![0; random.below(60)])).unwrap();
    }
    let (mut room, mut needed) = (0, 0);
    for leaf in leaves(&bytes) {
        room += leaf.room();
        needed += leaf.size();
    }
    assert!(room < 2 * needed, "{room} bytes for {needed}");
}

#[test]
fn visitor_may_break_off_in_the_middle() {
    let mut bytes = MemoryBytes::default();
    for key in 0..2_000_u16 {
        bytes.put(&key.to_be_bytes(), Some(b"some value")).unwrap();
    }
    for (order, want) in [(ScanOrder::Ascending, [0, 1, 2]), (ScanOrder::Descending, [1_999, 1_998, 1_997])] {
        let mut seen = Vec::new();
        let mut visitor = |key: Bytes, _| {
            seen.push(u16::from_be_bytes(key[..].try_into().unwrap()));
            if seen.len() == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        bytes.visit(Unbounded, Unbounded, order, &mut visitor).unwrap();
        assert_eq!(seen, want);
    }
}
