//! Layouts other than the frame's: changelog records, the header that carries a change, packed blobs.

use std::hint::black_box;

use bytes::Bytes;
use cofferdam::record::{ConsumedRecord, HeaderPacker, Previous, pack_change, unpack_change};
use cofferdam::sandbox::bench::{read_keys, read_writes, write_entries, write_rows};
use cofferdam::store::{Changelog, Row};
use cofferdam::topology::Backend;

use crate::Case;
use crate::data::{key, record, row};
use crate::stores::{ROWS, Store, roomy};

/// Blobs of a packed call.
const BLOBS: usize = 256;

pub(crate) fn cases() -> Vec<Case> {
    vec![restore(), change_header(), keys(), writes(), rows(), entries()]
}

/// Changelog records into a store.
fn restore() -> Case {
    let mut store = Store::empty(Backend::Memory, &roomy());
    store.put_all();
    let mut records = Vec::new();
    store.show_changes(|record| records.push(ConsumedRecord { offset: records.len() as u64, record: record.copied() }));
    store.stores.discard();
    Case::new("changelog/restore", ROWS, move || {
        store.stores.restore(Changelog::Store(0), black_box(&records)).expect("the records are restored");
    })
}

/// To a header and back.
fn change_header() -> Case {
    let mut records: Vec<_> = (0..BLOBS).map(record).collect();
    for record in &mut records {
        record.change = Some(Previous { value: record.value.clone(), latest: true });
    }
    let mut packer = HeaderPacker::default();
    Case::new("headers/change there and back", BLOBS, move || {
        for record in &mut records {
            pack_change(record, &mut packer);
            unpack_change(black_box(record));
        }
    })
}

/// As a guest lays them out: count, lengths, bytes.
fn packed(blobs: &[Vec<u8>]) -> Vec<u8> {
    let length = |length: usize| u32::try_from(length).expect("it is short").to_le_bytes();
    let mut packed = length(blobs.len()).to_vec();
    blobs.iter().for_each(|blob| packed.extend(length(blob.len())));
    packed.extend(blobs.concat());
    packed
}

fn keys() -> Case {
    let packed = packed(&(0..BLOBS).map(|number| key(number).to_vec()).collect::<Vec<_>>());
    Case::new("blobs/read keys", BLOBS, move || assert_eq!(read_keys(black_box(&packed)), Ok(BLOBS)))
}

fn writes() -> Case {
    let row = |number| [&0_i64.to_le_bytes(), &row(number).value[..]].concat();
    let packed = Bytes::from(packed(&(0..BLOBS).flat_map(|number| [key(number).to_vec(), row(number)]).collect::<Vec<_>>()));
    Case::new("blobs/read writes", BLOBS, move || assert_eq!(read_writes(black_box(&packed)), Ok(BLOBS)))
}

fn rows() -> Case {
    let rows: Vec<Option<Row>> = (0..BLOBS).map(|number| Some(row(number))).collect();
    Case::new("blobs/write rows", BLOBS, move || assert!(write_rows(black_box(&rows)).is_some()))
}

fn entries() -> Case {
    let entries: Vec<(Bytes, Row)> = (0..BLOBS).map(|number| (key(number), row(number))).collect();
    Case::new("blobs/write entries", BLOBS, move || assert!(write_entries(black_box(&entries)).is_some()))
}
