// UTF-8 in plain JavaScript: the runtime inside the component has no TextEncoder. `decode` throws on bytes that are not UTF-8.

export function encode(text) {
  const bytes = [];
  for (const part of encodeURIComponent(text).match(/%..|[^%]/g) ?? []) {
    bytes.push(part.length === 3 ? parseInt(part.slice(1), 16) : part.charCodeAt(0));
  }
  return Uint8Array.from(bytes);
}

export function decode(bytes) {
  let escaped = "";
  for (const byte of bytes) escaped += "%" + byte.toString(16).padStart(2, "0");
  return decodeURIComponent(escaped);
}
