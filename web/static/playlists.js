// What can be read from playlists before hls.js is there. Pure.

/** How many parts before the live edge playback begins at least; as `TUNING.startParts` has it. */
export const LEAD = 3;

/**
 * What to start a live rendition with: the addresses of its parameters, and of the last part that
 * begins with a key frame and starts `LEAD` parts or more before the live edge.
 */
export function beginning(text, base) {
  const map = text.match(/.*#EXT-X-MAP:.*?URI="([^"]+)"/s);
  const parts = [...text.matchAll(/#EXT-X-PART:(.*)/g)].map(([, attributes]) => ({
    uri: attributes.match(/URI="([^"]+)"/)[1],
    seconds: Number(attributes.match(/DURATION=([\d.]+)/)[1]),
    independent: attributes.includes("INDEPENDENT=YES"),
  }));
  const longest = Math.max(...parts.map((part) => part.seconds));
  let behind = 0;
  for (const { uri, seconds, independent } of parts.reverse()) {
    behind += seconds;
    if (independent && behind >= LEAD * longest && map) {
      return [map[1], uri].map((found) => new URL(found, base).href);
    }
  }
  return [];
}
