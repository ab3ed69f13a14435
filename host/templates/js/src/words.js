// The part that knows nothing of streams.

export function words(line) {
  return (line.match(/\p{Alphabetic}+/gu) ?? []).map((word) => word.toLowerCase());
}
