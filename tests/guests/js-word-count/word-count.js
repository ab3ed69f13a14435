// Word count from plain bindings, without an SDK. It does what the Rust processor of examples/word-count does: for each word of a
// line one record, with the word as key and how often it has come so far as value.

import { KeyValue } from "cofferdam:processor/stores@0.1.0";
import { decode, encode } from "./utf8.js";

let counts;

// The contract's `failure`: thrown with a payload, it is the error of `process`.
function fail(tag, reason) {
  const error = new Error(reason);
  error.payload = { tag, val: reason };
  throw error;
}

function text(bytes) {
  if (bytes === undefined || bytes === null) fail("bad-record", "value is null");
  try {
    return decode(bytes);
  } catch {
    fail("bad-record", "value: not UTF-8");
  }
}

export const node = {
  init(setup) {
    counts = KeyValue.open("counts", "read-write");
  },

  process(input, record) {
    const outputs = [];
    for (const letters of text(record.value).match(/\p{Alphabetic}+/gu) ?? []) {
      const key = encode(letters.toLowerCase());
      const row = counts.get(key);
      const count = row ? Number(decode(row.value)) + 1 : 1;
      const value = encode(String(count));
      counts.put(key, value, undefined);
      outputs.push({ record: { key, value, timestamp: record.timestamp, headers: record.headers } });
    }
    return outputs;
  },

  punctuate(schedule, time) {
    return [];
  },

  close() {},
};
