// npm's tmi.js as it is: does what comes as JSON lines, [method, …arguments], and tells its events.
//   node tmi_client.mjs PACKAGES OPTIONS

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [packages, options] = process.argv.slice(2);
const tmi = createRequire(`${packages}/`)("tmi.js");
const tell = (...event) => process.stdout.write(`${JSON.stringify(event)}\n`);
const client = new tmi.Client(JSON.parse(options));
const emit = client.emit;
client.emit = function (name, ...details) {
  if (!name.startsWith("_")) tell(name, ...details);
  return emit.call(this, name, ...details);
};
client.on("error", () => undefined);

for await (const line of createInterface(process.stdin)) {
  const [method, ...rest] = JSON.parse(line);
  client[method](...rest).then(
    (found) => tell("done", method, found),
    (error) => tell("failed", method, String(error)),
  );
}
process.exit(0);
