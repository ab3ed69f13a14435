// Makes flights.jsonl and airports.jsonl out of the npm package vega-datasets (BSD-3-Clause): US flights of early 2001 and the airports.
//
//     npm install --no-save --no-package-lock vega-datasets@3.2.1      (in this folder; `make demo` does it)
//     node make-data.mjs [FOLDER OF THE PACKAGE]
//
// flights.jsonl: one flight a line, the object as it stands in the source; sorted by date, as the source is.
// airports.jsonl: one record a line; the key is the IATA code. Its timestamp is 0: a task takes records by timestamp, so that a row stamped
// with today would come after every flight of 2001.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const source = join(process.argv[2] ?? join(here, "node_modules", "vega-datasets"), "data");

const flights = JSON.parse(readFileSync(join(source, "flights-20k.json"), "utf8"));
writeFileSync(join(here, "flights.jsonl"), flights.map((flight) => JSON.stringify(flight) + "\n").join(""));

const [header, ...rows] = csv(readFileSync(join(source, "airports.csv"), "utf8"));
const airports = rows.map((row) => Object.fromEntries(header.map((name, at) => [name, row[at]])));
const record = (airport) => JSON.stringify({ key: airport.iata, value: airport, timestamp: 0 }) + "\n";
writeFileSync(join(here, "airports.jsonl"), airports.map(record).join(""));

console.log(`${flights.length} flights, ${airports.length} airports`);

// Rows of a CSV text (RFC 4180): fields may be quoted, with quotes doubled.
function csv(text) {
  const field = /(?:"((?:[^"]|"")*)"|([^,\r\n]*))(,|\r?\n|$)/gy;
  const rows = [[]];
  for (let match; field.lastIndex < text.length && (match = field.exec(text)); ) {
    rows.at(-1).push(match[1] === undefined ? match[2] : match[1].replaceAll('""', '"'));
    if (match[3] !== ",") rows.push([]);
  }
  return rows.filter((row) => row.length > 1);
}
