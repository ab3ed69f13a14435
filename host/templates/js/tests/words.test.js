import assert from "node:assert/strict";
import test from "node:test";

import { decode, encode } from "../src/utf8.js";
import { words } from "../src/words.js";

test("words are letters, in lower case", () => {
  assert.deepEqual(words("To be, or not?"), ["to", "be", "or", "not"]);
  assert.deepEqual(words(""), []);
});

test("text survives its bytes", () => {
  assert.equal(decode(encode("café 100 %")), "café 100 %");
  assert.throws(() => decode(Uint8Array.of(255)));
});
