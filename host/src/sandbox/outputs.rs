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

/// Takes outputs that a call returned.
pub(super) fn accept_returned(
    setup: &NodeSetup,
    totals: &mut Totals,
    outputs: Vec<types::Output>,
    into: &mut Vec<Output>,
) -> Result<(), Failure> {
    if outputs.len() > limits::OUTPUTS_RETURNED {
        let (count, most) = (outputs.len(), limits::OUTPUTS_RETURNED);
        return Err(Failure::BadRecord(format!("{count} outputs returned by one call; the limit is {most} (`forward` takes more)")));
    }
    let before = totals.bytes;
    accept(setup, totals, outputs, into)?;
    let returned = totals.bytes - before;
    if returned > limits::OUTPUT_BYTES_RETURNED {
        let (bytes, most) = (size(returned), size(limits::OUTPUT_BYTES_RETURNED));
        return Err(Failure::BadRecord(format!("{bytes} of outputs returned by one call; the limit is {most} (`forward` takes more)")));
    }
    Ok(())
}

/// Takes outputs within the limits of the whole call: those that `forward` hands over early.
pub(super) fn accept(setup: &NodeSetup, totals: &mut Totals, outputs: Vec<types::Output>, into: &mut Vec<Output>) -> Result<(), Failure> {
    totals.count += outputs.len();
    if totals.count > setup.limits.outputs {
        return Err(Failure::BadRecord(format!("more than {} outputs of one call (`limits.outputs`)", setup.limits.outputs)));
    }
    into.reserve(outputs.len());
    for output in outputs {
        let slot = slot(&setup.ports, output.port.as_deref())?;
        let record = record(output.record)?;
        totals.bytes += record.size();
        if totals.bytes > limits::OUTPUT_BYTES_FORWARDED {
            return Err(Failure::BadRecord(format!("more than {} of outputs of one call", size(limits::OUTPUT_BYTES_FORWARDED))));
        }
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
    if timestamp < 0 {
        return Err(Failure::BadRecord(format!("an output has the timestamp {timestamp}; it may not be negative")));
    }
    if headers.len() > limits::RECORD_HEADERS {
        let (count, most) = (headers.len(), limits::RECORD_HEADERS);
        return Err(Failure::BadRecord(format!("an output has {count} headers; the limit is {most}")));
    }
    let record = Record {
        key: key.map(Bytes::from),
        value: value.map(Bytes::from),
        timestamp: Timestamp(timestamp),
        headers: headers.into_iter().map(|h| Header { name: h.name.into(), value: h.value.map(Bytes::from) }).collect(),
        change: change.map(|c| Previous { value: c.value.map(Bytes::from), latest: c.latest }),
    };
    let bytes = record.size();
    if bytes > limits::RECORD_BYTES {
        return Err(Failure::BadRecord(format!("an output has {}; the limit of a record is {}", size(bytes), size(limits::RECORD_BYTES))));
    }
    Ok(record)
}
