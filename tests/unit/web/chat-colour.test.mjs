// Names in chats can be read, in dark and in light.

import assert from "node:assert/strict";
import { test } from "node:test";

import { colourOf, CONTRAST, contrast, readable } from "../../../web/static/chat-colour.js";

const LIGHT = ["#ffffff", "#e6ecea"];
const DARK = ["#141e20", "#1b282a"];

function hueOf(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  const [most, least] = [Math.max(red, green, blue), Math.min(red, green, blue)];
  if (most === least) return null;
  const third = { [blue]: 4 + (red - green) / (most - least), [green]: 2 + (blue - red) / (most - least), [red]: (green - blue) / (most - least) };
  return ((third[most] * 60) % 360 + 360) % 360;
}

test("every colour can be read on every background", () => {
  for (let at = 0; at < 4096; at += 1) {
    const colour = `#${[at >> 8, (at >> 4) & 15, at & 15].map((each) => (each * 17).toString(16).padStart(2, "0")).join("")}`;
    for (const grounds of [LIGHT, DARK]) {
      const shown = readable(colour, grounds);
      for (const ground of grounds) assert.ok(contrast(shown, ground) >= CONTRAST, `${colour} as ${shown} on ${ground}`);
    }
  }
});

test("what can be read stays as it was chosen", () => {
  assert.equal(readable("#004488", LIGHT), "#004488");
  assert.equal(readable("#FFD700", DARK), "#ffd700");
});

test("a colour keeps its hue, and comes no nearer to black or white than it must", () => {
  const blue = readable("#0000ff", DARK);
  assert.ok(Math.abs(hueOf(blue) - 240) < 25, blue);
  assert.ok(contrast(blue, DARK[1]) < CONTRAST + 0.3, blue);
  const yellow = readable("#ffff00", LIGHT);
  assert.ok(Math.abs(hueOf(yellow) - 60) < 15, yellow);
  assert.ok(contrast(yellow, LIGHT[1]) < CONTRAST + 0.3, yellow);
});

test("contrast as WCAG computes it", () => {
  assert.equal(contrast("#000000", "#ffffff"), 21);
  assert.ok(Math.abs(contrast("#777777", "#ffffff") - 4.48) < 0.01);
});

test("what is no colour has none, and names without one always get the same", () => {
  for (const nothing of ["", "red", "#12", "#12345678", "url(x)"]) assert.equal(readable(nothing, LIGHT), null);
  assert.equal(colourOf("river"), colourOf("river"));
  assert.ok(new Set(["a", "b", "c", "d", "e"].map(colourOf)).size > 1);
});
