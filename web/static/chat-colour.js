// Colours of names: each as its owner chose it, made lighter or darker until it can be read. Pure.
//
// Lightness is changed in OKLCH (https://www.w3.org/TR/css-color-4/#ok-lab), which keeps the hue as
// people see it; what can be read is a contrast of 4.5 (WCAG 2.2, 1.4.3).

export const CONTRAST = 4.5;
const STEPS = 12; // halvings of the range that the lightness is looked for in

// Names without a colour get one of these, always the same.
const PALETTE = ["#c0392b", "#b35c00", "#8a6d00", "#4f7a00", "#1e8449", "#0b7a75", "#1f6fb2", "#3f51b5", "#7d3cb5", "#b0307d"];

/** The colour of somebody who chose none, `#rrggbb`. */
export function colourOf(login) {
  let sum = 0;
  for (const letter of login) sum = (sum * 31 + letter.codePointAt(0)) >>> 0;
  return PALETTE[sum % PALETTE.length];
}

/** The nearest colour of the same hue that can be read on every one of the backgrounds. */
export function readable(colour, backgrounds) {
  const wanted = parse(colour);
  if (!wanted) return null;
  const behind = backgrounds.map((each) => luminance(parse(each)));
  const legible = (rgb) => behind.every((ground) => ratio(luminance(rgb), ground) >= CONTRAST);
  if (legible(wanted)) return format(wanted);
  const { l, a, b } = toLab(wanted);
  // Away from the backgrounds: darker on light ones, lighter on dark ones.
  const end = Math.max(...behind) > 0.18 ? 0 : 1;
  let [bad, good] = [l, end];
  for (let step = 0; step < STEPS; step += 1) {
    const middle = (bad + good) / 2;
    if (legible(whole(inGamut(middle, a, b)))) good = middle;
    else bad = middle;
  }
  return format(whole(inGamut(good, a, b)));
}

/** The contrast of two colours, 1 to 21. */
export function contrast(one, other) {
  return ratio(luminance(parse(one)), luminance(parse(other)));
}

function ratio(one, other) {
  return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
}

/** Red, green and blue, 0 to 1; null for what is no colour. */
function parse(colour) {
  const found = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(colour);
  return found && found.slice(1).map((two) => parseInt(two, 16) / 255);
}

function format(rgb) {
  return `#${rgb.map((each) => Math.round(each * 255).toString(16).padStart(2, "0")).join("")}`;
}

/** As a screen shows it, in 256 steps: what is measured is what is shown. */
function whole(rgb) {
  return rgb.map((each) => Math.round(Math.min(1, Math.max(0, each)) * 255) / 255);
}

function linear(each) {
  return each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4;
}

function companded(each) {
  return each <= 0.0031308 ? each * 12.92 : 1.055 * each ** (1 / 2.4) - 0.055;
}

function luminance(rgb) {
  const [red, green, blue] = rgb.map(linear);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function toLab(rgb) {
  const [red, green, blue] = rgb.map(linear);
  const long = Math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue);
  const middle = Math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue);
  const short = Math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue);
  return {
    l: 0.2104542553 * long + 0.793617785 * middle - 0.0040720468 * short,
    a: 1.9779984951 * long - 2.428592205 * middle + 0.4505937099 * short,
    b: 0.0259040371 * long + 0.7827717662 * middle - 0.808675766 * short,
  };
}

function fromLab(l, a, b) {
  const long = (l + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const middle = (l - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const short = (l - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
    -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
    -0.0041960863 * long - 0.7034186147 * middle + 1.707614701 * short,
  ];
}

/** The colour with as much of its chroma as a screen can show at this lightness. */
function inGamut(l, a, b) {
  let [low, high] = [0, 1];
  const shown = (share) => fromLab(l, a * share, b * share);
  if (fits(shown(1))) return shown(1).map(companded);
  for (let step = 0; step < STEPS; step += 1) {
    const middle = (low + high) / 2;
    if (fits(shown(middle))) low = middle;
    else high = middle;
  }
  return shown(low).map((each) => companded(Math.min(1, Math.max(0, each))));
}

function fits(rgb) {
  return rgb.every((each) => each >= -1e-4 && each <= 1.0001);
}
