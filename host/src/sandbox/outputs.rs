//! Outputs of a guest on their way into the task: checked against ports and limits, once, here.

use bytes::Bytes;

use super::bindings::cofferdam::processor::types::{self, RecordResult};
use super::failing::size;
use super::guest_log::one_line;
use super::setup::NodeSetup;
use crate::limits;
use crate::node::{Failure, Output};
use crate::record::{Header, Previous, Record, Timestamp};

/// How much has left the guest in one call.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    count: usize,
    bytes: usize,
}

impl Totals {
    pub(super) fn add_count(&mut self, count: usize, setup: &NodeSetup) -> Result<(), Failure> {
        self.count += count;
        match self.count > setup.limits.outputs {
            true => Err(Failure::BadRecord(format!("more than {} outputs of one call (`limits.outputs`)", setup.limits.outputs))),
            false => Ok(()),
        }
    }

    pub(super) fn add_bytes(&mut self, bytes: usize) -> Result<(), Failure> {
        self.bytes += bytes;
        match self.bytes > limits::OUTPUT_BYTES_FORWARDED {
            true => Err(Failure::BadRecord(format!("more than {} of outputs of one call", size(limits::OUTPUT_BYTES_FORWARDED)))),
            false => Ok(()),
        }
    }
}

/// Takes outputs that a call returned.
pub(super) fn accept_returned(
    setup: &NodeSetup,
    totals: &mut Totals,
    outputs: Vec<types::Output>,
    into: &mut Vec<Output>,
) -> Result<(), Failure> {
    check_returned(outputs.len(), 0)?;
    let before = totals.bytes;
    accept(setup, totals, outputs, into)?;
    check_returned(0, totals.bytes - before)
}

/// Refuses more than a record may give in what its call returns.
#[inline]
pub(super) fn check_returned(count: usize, bytes: usize) -> Result<(), Failure> {
    match count > limits::OUTPUTS_RETURNED || bytes > limits::OUTPUT_BYTES_RETURNED {
        true => Err(too_much_returned(count, bytes)),
        false => Ok(()),
    }
}

#[cold]
fn too_much_returned(count: usize, bytes: usize) -> Failure {
    if count > limits::OUTPUTS_RETURNED {
        let most = limits::OUTPUTS_RETURNED;
        return Failure::BadRecord(format!("{count} outputs returned by one call; the limit is {most} (`forward` takes more)"));
    }
    let (bytes, most) = (size(bytes), size(limits::OUTPUT_BYTES_RETURNED));
    Failure::BadRecord(format!("{bytes} of outputs returned by one call; the limit is {most} (`forward` takes more)"))
}

/// Takes outputs within the limits of the whole call: those that `forward` hands over early.
pub(super) fn accept(setup: &NodeSetup, totals: &mut Totals, outputs: Vec<types::Output>, into: &mut Vec<Output>) -> Result<(), Failure> {
    totals.add_count(outputs.len(), setup)?;
    into.reserve(outputs.len());
    for output in outputs {
        let slot = slot(&setup.ports, output.port.as_deref())?;
        let record = record(output.record)?;
        totals.add_bytes(record.size())?;
        into.push(Output { slot, partition: output.partition, record });
    }
    Ok(())
}

fn slot(ports: &[String], port: Option<&str>) -> Result<u32, Failure> {
    // The default port may be named as `describe` names it: by the empty text.
    let Some(port) = port.filter(|port| !port.is_empty()) else { return Ok(0) };
    let found = ports.iter().position(|known| known == port);
    found.and_then(|at| u32::try_from(at + 1).ok()).ok_or_else(|| undeclared(ports, port))
}

fn undeclared(ports: &[String], port: &str) -> Failure {
    let port = one_line(port, limits::KEY_BYTES_SHOWN);
    let known = if ports.is_empty() { "it has none".to_owned() } else { format!("it has {}", ports.join(", ")) };
    Failure::Fatal(format!("output to the port '{port}', which this node does not declare; {known}"))
}

fn record(record: RecordResult) -> Result<Record, Failure> {
    let RecordResult { key, value, timestamp, headers, change } = record;
    let record = Record {
        key: key.map(Bytes::from),
        value: value.map(Bytes::from),
        timestamp: Timestamp(timestamp),
        headers: headers.iter().map(|h| Header { name: &h.name, value: h.value.as_deref() }).collect(),
        change: change.map(|c| Previous { value: c.value.map(Bytes::from), latest: c.latest }),
    };
    check(record.timestamp.0, record.headers.len(), record.size())?;
    Ok(record)
}

/// Refuses a record that is too large, or has a time that no record has.
#[inline]
pub(super) fn check(timestamp: i64, headers: usize, bytes: usize) -> Result<(), Failure> {
    match timestamp < 0 || headers > limits::RECORD_HEADERS || bytes > limits::RECORD_BYTES {
        true => Err(no_record(timestamp, headers, bytes)),
        false => Ok(()),
    }
}

#[cold]
fn no_record(timestamp: i64, headers: usize, bytes: usize) -> Failure {
    Failure::BadRecord(if timestamp < 0 {
        format!("an output has the timestamp {}; it may not be negative", Timestamp(timestamp))
    } else if headers > limits::RECORD_HEADERS {
        format!("an output has {headers} headers; the limit is {}", limits::RECORD_HEADERS)
    } else {
        format!("an output has {}; the limit of a record is {}", size(bytes), size(limits::RECORD_BYTES))
    })
}
