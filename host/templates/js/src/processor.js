// Counts words: for each word of a line one record, with the word as key and how often it has come so far as value.
// The contract, with all that a processor may ask for, is in wit/.

import { KeyValue } from "cofferdam:processor/stores@0.1.0";
import { decode, encode } from "./utf8.js";
import { words } from "./words.js";

let counts;

export const node = {
  init(setup) {
    counts = KeyValue.open("counts", "read-write");
  },

  process(input, record) {
    return words(text(record.value)).map((word) => {
      const key = encode(word);
      const row = counts.get(key);
      const value = encode(String(row ? Number(decode(row.value)) + 1 : 1));
      counts.put(key, value, undefined);
      return { record: { key, value, timestamp: record.timestamp, headers: record.headers } };
    });
  },

  punctuate(schedule, time) {
    return [];
  },

  close() {},
};

function text(bytes) {
  if (!bytes) throw badRecord("value is null");
  try {
    return decode(bytes);
  } catch {
    throw badRecord("value: not UTF-8");
  }
}

// An error with a payload is the contract's `failure`; the node's policy decides what becomes of the record.
function badRecord(reason) {
  return Object.assign(new Error(reason), { payload: { tag: "bad-record", val: reason } });
}
