// A connection to a chat edge breaks, and goes on where it was.

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { Connection } from "../../../web/static/chat-connection.js";

class Socket extends EventTarget {
  static all = [];
  readyState = 1;
  said = [];

  constructor(url) {
    super();
    this.url = url;
    Socket.all.push(this);
  }

  static get last() {
    return Socket.all.at(-1);
  }

  send(text) {
    this.said.push(JSON.parse(text));
  }

  close() {
    this.readyState = 3;
  }

  hear(message) {
    this.dispatchEvent(Object.assign(new Event("message"), { data: JSON.stringify(message) }));
  }

  end(code = 1006) {
    this.dispatchEvent(Object.assign(new Event("close"), { code }));
  }
}

const JOINED = { type: "joined", channel_id: "c1", channel: "brook", offset: 7, settings: {}, you: { roles: [] }, messages: [] };
let tickets;

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  Socket.all = [];
  tickets = 0;
});

const settled = () => new Promise((resolve) => setImmediate(resolve));

async function ticket() {
  tickets += 1;
  return { url: "ws://edge/chat", token: `t${tickets}` };
}

async function connected(ask = ticket) {
  const connection = new Connection("brook", ask, { open: (url) => new Socket(url), random: () => 1 });
  const heard = [];
  for (const type of ["joined", "events", "verdict", "failed", "gap", "unwanted"]) {
    connection.addEventListener(type, ({ detail }) => heard.push([type, detail]));
  }
  await connection.start();
  Socket.last?.dispatchEvent(new Event("open"));
  Socket.last?.hear(JOINED);
  return { connection, heard };
}

async function pass(milliseconds) {
  mock.timers.tick(milliseconds);
  await settled();
}

const event = (offset, kind = "MessageSent") => ({ offset, kind });

test("says who it is, joins, and is here", async () => {
  const { connection } = await connected();
  assert.deepEqual(Socket.last.said, [{ type: "hello", token: "t1" }, { type: "join", channel: "brook", since: null }]);
  assert.equal(connection.state, "here");
  assert.ok(connection.say("hello", "n1", "m1"));
  assert.deepEqual(Socket.last.said.at(-1), { type: "say", channel_id: "c1", text: "hello", reply_to: "m1", nonce: "n1" });
});

test("resumes after the last event, with a ticket of its own, and waits longer each time", async () => {
  const { connection } = await connected();
  Socket.last.hear({ type: "events", events: [event(8), event(9)] });
  await pass(6000);
  Socket.last.end();
  assert.equal(connection.state, "connecting");
  assert.ok(!connection.say("lost", "n2"));
  await pass(499);
  assert.equal(Socket.all.length, 1);
  await pass(1);
  assert.equal(Socket.all.length, 2);
  Socket.last.end();
  assert.equal(connection.state, "away");
  await pass(999);
  assert.equal(Socket.all.length, 2);
  await pass(1);
  Socket.last.dispatchEvent(new Event("open"));
  assert.deepEqual(Socket.last.said, [{ type: "hello", token: "t3" }, { type: "join", channel: "brook", since: 9 }]);
});

test("repeats are dropped, but not what is told to one user where everybody is", async () => {
  const { heard } = await connected();
  Socket.last.hear({ type: "events", events: [event(7), event(8)] });
  Socket.last.hear({ type: "events", events: [event(8)] });
  Socket.last.hear({ type: "events", events: [event(8, "UserWarned")] });
  const offsets = heard.filter(([type]) => type === "events").map(([, { events }]) => events.map(({ kind }) => kind));
  assert.deepEqual(offsets, [["MessageSent"], ["UserWarned"]]);
});

test("comes again after as long as the edge says", async () => {
  const { connection } = await connected();
  Socket.last.hear({ type: "reconnect", after_ms: 3000 });
  assert.equal(connection.state, "connecting");
  await pass(2999);
  assert.equal(Socket.all.length, 1);
  await pass(1);
  assert.equal(Socket.all.length, 2);
});

test("an edge that is full is left alone for longer", async () => {
  await connected();
  Socket.last.end(1013);
  await pass(3999);
  assert.equal(Socket.all.length, 1);
  await pass(1);
  assert.equal(Socket.all.length, 2);
});

test("an access that ended is asked for anew, and nothing is resumed", async () => {
  const { connection, heard } = await connected();
  Socket.last.end(4001);
  assert.deepEqual(heard.at(-1)[0], "unwanted");
  assert.equal(connection.offset, null);
  await pass(500);
  Socket.last.dispatchEvent(new Event("open"));
  assert.equal(Socket.last.said[1].since, null);
});

test("a connection that is silent is left for another", async () => {
  await connected();
  await pass(25_000);
  assert.equal(Socket.last.said.at(-1).type, "ping");
  await pass(25_000);
  await pass(25_000);
  await pass(500);
  assert.equal(Socket.all.length, 2);
});

test("tickets that cannot be had, and joins nobody answers, are tried again", async () => {
  let away = true;
  const { connection } = await connected(async () => {
    if (away) throw new Error("503");
    return ticket();
  });
  assert.equal(Socket.all.length, 0);
  away = false;
  await pass(500);
  assert.equal(Socket.all.length, 1);
  Socket.last.dispatchEvent(new Event("open"));
  await pass(10_000);
  assert.equal(connection.state, "away");
  await pass(1000);
  assert.equal(Socket.all.length, 2);
});

test("somebody else begins anew", async () => {
  const { connection } = await connected();
  Socket.last.hear({ type: "events", events: [event(8)] });
  const before = Socket.last;
  connection.restart();
  await settled();
  assert.equal(before.readyState, 3);
  Socket.last.dispatchEvent(new Event("open"));
  assert.deepEqual(Socket.last.said[1], { type: "join", channel: "brook", since: null });
});

test("what failed is told, and a stopped connection stays so", async () => {
  const { connection, heard } = await connected();
  Socket.last.hear({ type: "error", reason: "not-found", detail: "gone", nonce: "n1" });
  assert.equal(heard.at(-1)[1].nonce, "n1");
  connection.stop();
  await pass(60_000);
  assert.equal(Socket.all.length, 1);
});
