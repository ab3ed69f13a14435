//! Records and rows, made up.

use bytes::Bytes;
use cofferdam::record::{Header, Record, Timestamp};
use cofferdam::store::Row;

const VALUE_BYTES: usize = 100;

/// A key of 8 bytes.
pub(crate) fn key(number: usize) -> Bytes {
    format!("{number:08}").into()
}

pub(crate) fn row(number: usize) -> Row {
    Row { value: format!("{number:0VALUE_BYTES$}").into(), timestamp: Timestamp(number as i64) }
}

/// A record of 108 bytes.
pub(crate) fn record(number: usize) -> Record {
    let Row { value, timestamp } = row(number);
    Record { key: Some(key(number)), value: Some(value), timestamp, ..Record::default() }
}

/// A record with two headers of 20 bytes.
pub(crate) fn record_with_headers(number: usize) -> Record {
    let headers = ["from", "type"].map(|name| Header { name, value: Some(b"0123456789012345") });
    Record { headers: headers.into_iter().collect(), ..record(number) }
}
