// Numbers and times as people read them. Pure.

/** Seconds as 0:47, 12:05 or 1:02:03. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, "0");
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** Bits per second as 2.6 Mbit/s or 640 kbit/s. */
export function bitrate(bits) {
  return bits >= 1e6 ? `${(bits / 1e6).toFixed(1)} Mbit/s` : `${Math.round(bits / 1e3)} kbit/s`;
}

/** Seconds of delay as 0.62 s. */
export function delay(seconds) {
  return seconds < 10 ? `${seconds.toFixed(2)} s` : `${Math.round(seconds)} s`;
}

/** How long ago `then` was at `now` (milliseconds), in words. */
export function ago(then, now) {
  const minutes = Math.floor(Math.max(0, now - then) / 60000);
  if (minutes < 1) return "a moment ago";
  if (minutes < 60) return minutes === 1 ? "a minute ago" : `${minutes} minutes ago`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return hours === 1 ? "an hour ago" : `${hours} hours ago`;
  const days = Math.floor(hours / 24);
  return days === 1 ? "yesterday" : `${days} days ago`;
}

/** A moment (milliseconds) as 21 Nov 2026, 10:12, where the reader is. */
export function moment(milliseconds) {
  const form = { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hour12: false };
  return new Intl.DateTimeFormat("en-GB", form).format(milliseconds);
}

/** Seconds of processors and GPUs as 3.2 s, or 0.4 s + 1.1 s GPU. */
export function cost(processor, gpu) {
  const text = `${processor.toFixed(1)} s`;
  return gpu > 0 ? `${text} + ${gpu.toFixed(1)} s GPU` : text;
}
