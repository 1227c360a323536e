// What the pages ask the gateway, and the server's clock.

const offsets = [];

/** The JSON under a path; null where there is none. Throws when the gateway cannot be reached. */
export async function get(path) {
  const response = await fetch(path, { cache: "no-store", headers: { Accept: "application/json" } });
  if (response.status === 404) return null;
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  const body = await response.json();
  if (body.as_of) learn(Date.now(), Date.parse(body.as_of));
  return body;
}

/** Milliseconds since 1970 by the server's clock, as well as we know it. */
export function serverNow() {
  // An answer takes time, and is stale out of a cache, but never early: the greatest is the truest.
  return Date.now() + (offsets.length ? Math.max(...offsets) : 0);
}

function learn(answered, told) {
  offsets.push(told - answered);
  if (offsets.length > 15) offsets.shift();
}

/** The name in the address of a watch page. */
export function channelInAddress(path = location.pathname) {
  return decodeURIComponent(path.split("/")[2] ?? "");
}
