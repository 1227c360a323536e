// The connection to a chat edge: it comes back by itself, and goes on where it was.
//
// The edge's protocol is JSON texts over a WebSocket (`api/chat/messages.py`).

const FIRST_WAIT = 500; // milliseconds before it is tried again; then twice as long each time
const LONGEST_WAIT = 30_000;
const PING_EVERY = 25_000;
const SILENT_AFTER = 60_000; // without a word, not even an answer to a ping
const JOIN_WITHIN = 10_000;
const SETTLED_AFTER = 5000; // a connection that lasts so long begins anew with short waits
const TRY_AGAIN_LATER = 1013; // this edge is full
const ACCESS_ENDED = 4001;
const ALONE = ["UserWarned", "HeldMessageReviewed"]; // told to who it is about, where everybody is by then

/**
 * Events: `state`; `welcome`, `joined`, `you`, `events`, `verdict`, `gap`, `failed` as the edge says them
 * (`detail` is the message); `unwanted` (who is signed in has to be asked again).
 */
export class Connection extends EventTarget {
  /** `connecting`, `here` or `away`. */
  state = "connecting";
  channelId = null;
  /** The last event that was told; null: none yet. */
  offset = null;
  #login;
  #ticket;
  #open;
  #random;
  #socket = null;
  #timers = new Map();
  #attempts = 0;
  #heardAt = 0;
  #stopped = false;

  /**
   * @param {string} login the channel's name
   * @param {() => Promise<{url: string, token: string}>} ticket where to go, and what to say who it is
   * @param {object} [means] for tests: how a socket is opened, and chance from 0 to 1
   */
  constructor(login, ticket, { open = (url) => new WebSocket(url), random = Math.random } = {}) {
    super();
    this.#login = login;
    this.#ticket = ticket;
    this.#open = open;
    this.#random = random;
  }

  /** Connect, and stay so. */
  async start() {
    this.#clear();
    this.#stopped = false;
    let ticket;
    const attempt = (this.attempt = {});
    try {
      ticket = await this.#ticket();
    } catch {
      if (this.attempt === attempt) this.#lost();
      return;
    }
    if (this.attempt === attempt && !this.#stopped) this.#connect(ticket);
  }

  /** Connect anew, as somebody else: what was heard so far was heard by another. */
  restart() {
    this.#leave();
    this.offset = null;
    this.#say("connecting");
    void this.start();
  }

  /** Try at once, if it was to be tried later. */
  hurry() {
    if (!this.#timers.has("again")) return;
    void this.start();
  }

  stop() {
    this.#stopped = true;
    this.#leave();
  }

  /** Say something; whether it went out. The verdict comes with the same nonce. */
  say(text, nonce, replyTo = "") {
    if (this.state !== "here") return false;
    this.#send({ type: "say", channel_id: this.channelId, text, reply_to: replyTo, nonce });
    return true;
  }

  #connect({ url, token }) {
    let socket;
    try {
      socket = this.#open(url);
    } catch {
      this.#lost();
      return;
    }
    this.#socket = socket;
    const current = (act) => (event) => socket === this.#socket && act(event);
    socket.addEventListener("open", current(() => this.#greet(token)));
    socket.addEventListener("message", current(({ data }) => this.#heard(data)));
    socket.addEventListener("close", current(({ code }) => this.#closed(code)));
    this.#after("join", JOIN_WITHIN, () => this.#closed(0));
  }

  #greet(token) {
    this.#heardAt = Date.now();
    this.#send({ type: "hello", token: token ?? "" });
    this.#join();
    this.#after("ping", PING_EVERY, () => this.#ping());
  }

  #join() {
    this.#send({ type: "join", channel: this.#login, since: this.offset });
  }

  #ping() {
    if (Date.now() - this.#heardAt > SILENT_AFTER) return this.#closed(0);
    this.#send({ type: "ping" });
    this.#after("ping", PING_EVERY, () => this.#ping());
  }

  #send(message) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(message));
  }

  #heard(data) {
    this.#heardAt = Date.now();
    const message = JSON.parse(data);
    switch (message.type) {
      case "joined":
        return this.#joined(message);
      case "events":
        return this.#happened(message);
      case "reconnect":
        return this.#moved(message.after_ms);
      case "error":
        return this.#failed(message);
      case "welcome":
      case "you":
      case "verdict":
      case "gap":
        return this.#tell(message.type, message);
      default: // `pong`, and what is not known yet
    }
  }

  #joined(message) {
    this.#cancel("join");
    this.channelId = message.channel_id;
    // Told first: what was missed comes before what is said from now on.
    this.#tell("joined", message);
    this.offset = message.resumed ? Math.max(this.offset ?? -1, message.offset) : message.offset;
    this.#say("here");
    this.#after("settled", SETTLED_AFTER, () => (this.#attempts = 0));
  }

  #happened(message) {
    const before = this.offset ?? -1;
    const fresh = message.events.filter(({ offset, kind }) => offset > before || ALONE.includes(kind));
    for (const { offset } of fresh) this.offset = Math.max(this.offset ?? -1, offset);
    if (fresh.length) this.#tell("events", { ...message, events: fresh });
  }

  #failed(message) {
    if (message.reason === "invalid-token") {
      this.#tell("unwanted", message);
      return this.#closed(0); // with another ticket
    }
    if (this.#timers.has("join") && !message.nonce) return this.#closed(message.reason === "not-found" ? TRY_AGAIN_LATER : 0);
    this.#tell("failed", message);
  }

  #moved(afterMs) {
    this.#leave();
    this.#say("connecting");
    this.#after("again", Math.min(afterMs ?? 0, LONGEST_WAIT), () => void this.start());
  }

  #closed(code) {
    if (code === ACCESS_ENDED) {
      this.offset = null;
      this.#tell("unwanted", {});
    }
    if (code === TRY_AGAIN_LATER) this.#attempts = Math.max(this.#attempts, 3);
    this.#lost();
  }

  /** Wait, twice as long each time; by chance, so that not everybody comes back at once. */
  #lost() {
    this.#leave();
    if (this.#stopped) return;
    // What breaks and comes back at once is no news.
    this.#say(this.#attempts ? "away" : "connecting");
    const longest = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#attempts);
    this.#attempts += 1;
    this.#after("again", longest * (0.5 + this.#random() / 2), () => void this.start());
  }

  #leave() {
    const socket = this.#socket;
    this.#socket = null;
    this.attempt = null;
    this.#clear();
    socket?.close();
  }

  #say(state) {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new Event("state"));
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #after(name, milliseconds, act) {
    this.#cancel(name);
    this.#timers.set(name, setTimeout(() => {
      this.#timers.delete(name);
      act();
    }, milliseconds));
  }

  #cancel(name) {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }

  #clear() {
    for (const name of [...this.#timers.keys()]) this.#cancel(name);
  }
}

