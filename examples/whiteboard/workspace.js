// A small client of Syncline's workspace dialect: a cache that converges, writes that survive being
// offline, a connection that comes back. It knows nothing of what is kept, nor how it is shown.

const CONNECT_TIMEOUT_MS = 10_000; // from dialling to the opening message
const ANSWER_TIMEOUT_MS = 10_000; // from asking about a write to hearing of it
const DOUBT_TIMEOUT_MS = 4_000; // the same, when the system says that the network has changed
const KEEP_ALIVE_MS = 30_000;
const BACKOFF_MIN_MS = 1_000;
const BACKOFF_MAX_MS = 30_000;
const BACKOFF_SPREAD = 0.1;
const ASK_AFTER_MS = 200; // a write that has rested so long is asked about
const TICK_MS = 100;
const PENDING_MAX = 1_000; // keys
const GRANT_SPARE_MS = 60_000; // a token that ends sooner is not used any more

/** Thrown by the `grant` function when trying again will not help. */
export class Refused extends Error {}

/** Thrown by `set` when a write cannot be taken. */
export class NotTaken extends Error {}

/**
 * A workspace, kept the same everywhere. Events:
 *  - "change" {key, value, mine}: what is shown for a key is another value now
 *  - "status": `status` has changed
 *
 * `status.state` is "connecting", "synced", "waiting" (until `status.retryAt`) or "stopped".
 * `status.pending` counts the keys whose last write is not known to be stored.
 */
export class Workspace extends EventTarget {
  #name;
  #user;
  #grant;
  #granted = null;
  #socket = null;
  #attempt = 0; // tells the callbacks of an abandoned connection apart
  #failures = 0;
  #entries = new Map(); // key -> {value, timestamp}; no timestamp: from the opening message
  #pending = new Map(); // key -> {value, timestamp, sent, asked, refused}
  #question = null; // {key, at}: asked to see whether the server is there
  #timers = { retry: 0, opening: 0, alive: 0, tick: 0 };
  #clock = { ahead: 0, last: 0 };
  status = { state: "connecting", pending: 0, reason: "", refused: "", retryAt: 0 };

  /** `grant()` promises {token, expires, now}, both times in ms since 1970 on the server's clock. */
  constructor({ name, user, grant }) {
    super();
    this.#name = name;
    this.#user = user;
    this.#grant = grant;
    for (const [key, write] of kept(name)) {
      this.#pending.set(key, { ...write, sent: 0, asked: 0, refused: "" });
      this.#entries.set(key, write);
    }
    window.addEventListener("online", () => this.retry());
    window.addEventListener("offline", () => this.#ask());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState !== "visible") return;
      if (this.status.state === "waiting") this.retry();
      else this.#ask();
    });
  }

  /** Connects, and keeps connecting until it is refused. */
  start() {
    this.#connect();
  }

  /** Connects now instead of later; also after a refusal. */
  retry() {
    if (this.status.state === "waiting" || this.status.state === "stopped") {
      this.#granted = this.status.state === "stopped" ? null : this.#granted;
      this.#connect();
    }
  }

  /** Appears as somebody else from now on. */
  rename(user) {
    this.#user = user;
    if (this.#socket) this.#again("the name has changed", 0);
  }

  /** The value of a key, or undefined. */
  get(key) {
    return this.#entries.get(key)?.value;
  }

  /** Every key and its value. */
  *entries() {
    for (const [key, { value }] of this.#entries) yield [key, value];
  }

  /** Writes a key: at once here, soon at the server, and there at the latest when it is back. */
  set(key, value) {
    if (!this.#pending.has(key) && this.#pending.size >= PENDING_MAX) {
      throw new NotTaken(`${PENDING_MAX} changes wait for the server already`);
    }
    const write = { value, timestamp: this.#stamp(this.#entries.get(key)?.timestamp) };
    this.#entries.set(key, write);
    this.#pending.set(key, { ...write, sent: 0, asked: 0, refused: "" });
    keep(this.#name, key, write);
    this.#send(key);
    this.#emit(key, value, true);
    this.#report();
  }

  /** Who is connected, as the server knows it. */
  async presence() {
    const { token } = await this.#token();
    const response = await fetch(`/v1/presence/${encodeURIComponent(this.#name)}`, {
      headers: { Authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS),
    });
    if (!response.ok) throw new Error(`the presence list was answered with ${response.status}`);
    return (await response.json()) ?? [];
  }

  // ---- the connection

  async #connect() {
    this.#drop();
    const attempt = this.#attempt;
    this.#report({ state: "connecting", reason: "", retryAt: 0 });
    let granted;
    try {
      granted = await this.#token();
    } catch (error) {
      if (attempt !== this.#attempt) return;
      if (error instanceof Refused) this.#stop(error.message);
      else this.#again("the server cannot be reached");
      return;
    }
    if (attempt !== this.#attempt) return;
    const url = new URL(`/v1/sync/${encodeURIComponent(this.#name)}`, location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    url.searchParams.set("userId", this.#user);
    // The token goes with the subprotocols, so that no log of URLs ever holds it.
    const socket = new WebSocket(url, ["syncline", `syncline.bearer.${granted.token}`]);
    this.#socket = socket;
    let opened = false;
    const mine = () => attempt === this.#attempt;
    socket.onopen = () => (opened = true);
    socket.onmessage = ({ data }) => mine() && this.#receive(data);
    socket.onclose = ({ code, reason }) => {
      if (!mine()) return;
      // A browser does not tell a refused handshake from a dead network: take a new token.
      if (!opened) this.#granted = null;
      if (code >= 4000 && code <= 4099) this.#stop(reason || "the server let this page in no more");
      else this.#again(why(code, reason));
    };
    this.#timers.opening = setTimeout(
      () => mine() && this.#again("the server does not answer"),
      CONNECT_TIMEOUT_MS,
    );
  }

  async #token() {
    const spare = this.#granted && this.#granted.expires - this.#now() / 1_000;
    if (!this.#granted || spare < GRANT_SPARE_MS) {
      const asked = Date.now();
      const granted = await this.#grant();
      // Everyone stamps with the server's clock, so that nobody wins by having a wrong one.
      this.#clock.ahead = granted.now - (asked + Date.now()) / 2;
      this.#granted = granted;
    }
    return this.#granted;
  }

  /** Forgets the connection there is. */
  #drop() {
    this.#attempt += 1;
    clearTimeout(this.#timers.retry);
    clearTimeout(this.#timers.opening);
    clearInterval(this.#timers.alive);
    clearInterval(this.#timers.tick);
    this.#timers.tick = 0;
    this.#question = null;
    this.#socket?.close();
    this.#socket = null;
    const unsent = { sent: 0, asked: 0, refused: "" };
    for (const write of this.#pending.values()) Object.assign(write, unsent);
  }

  #again(reason, after = backoff(this.#failures++)) {
    this.#drop();
    this.#timers.retry = setTimeout(() => this.#connect(), after);
    this.#report({ state: "waiting", reason, retryAt: Date.now() + after });
  }

  #stop(reason) {
    this.#drop();
    this.#report({ state: "stopped", reason, retryAt: 0 });
  }

  // ---- what arrives

  #receive(text) {
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    if (message?.type === "init" && isObject(message.data)) this.#open(message.data);
    else if (message?.type === "op" && isOp(message.payload)) this.#merge(message.payload);
    else if (message?.type === "error") this.#refuse(String(message.payload));
  }

  /** The opening message: the server's whole state, under what it has not heard of yet. */
  #open(data) {
    this.#failures = 0;
    clearTimeout(this.#timers.opening);
    const beat = () => this.#say({ type: "ping", timestamp: Date.now() });
    this.#timers.alive = setInterval(beat, KEEP_ALIVE_MS);
    for (const key of [...this.#entries.keys()]) {
      if (this.#pending.has(key) || Object.hasOwn(data, key)) continue;
      this.#entries.delete(key);
      this.#emit(key, undefined, false);
    }
    for (const [key, value] of Object.entries(data)) {
      if (this.#pending.has(key)) continue;
      const known = this.#entries.get(key);
      if (known && same(known.value, value)) continue;
      this.#entries.set(key, { value });
      this.#emit(key, value, false);
    }
    const writes = [...this.#pending].sort(([, a], [, b]) => a.timestamp - b.timestamp);
    this.#report({ state: "synced", reason: "" });
    for (const [key] of writes) this.#send(key);
  }

  /** A write that the server has stored: of somebody else, or the answer to a question of ours. */
  #merge({ key, value, timestamp }) {
    const write = this.#pending.get(key);
    if (write && timestamp >= write.timestamp) {
      this.#pending.delete(key);
      forget(this.#name, key, timestamp);
      this.#report();
    }
    if (this.#question?.key === key) this.#question = null;
    const known = this.#entries.get(key);
    if (known?.timestamp > timestamp) return;
    this.#entries.set(key, { value, timestamp });
    if (!known || !same(known.value, value)) this.#emit(key, value, false);
  }

  #refuse(reason) {
    for (const write of this.#pending.values()) if (write.sent) write.refused = reason;
    this.#report();
  }

  // ---- what leaves

  #send(key) {
    const write = this.#pending.get(key);
    if (this.status.state !== "synced") return;
    this.#op(key, write.value, write.timestamp);
    Object.assign(write, { sent: Date.now(), asked: 0 });
    this.#watch();
  }

  /**
   * The dialect has no acknowledgements, but whoever sends a write that loses is told the winner: a
   * write again, dated before itself, is the question whether it is stored.
   */
  #tick() {
    const now = Date.now();
    for (const [key, write] of this.#pending) {
      if (!write.asked && now - write.sent >= ASK_AFTER_MS) {
        this.#op(key, write.value, write.timestamp - 1);
        write.asked = now;
      } else if (write.asked && !write.refused && now - write.asked >= ANSWER_TIMEOUT_MS) {
        this.#again("the server does not answer");
        return;
      }
    }
    if (this.#question && now - this.#question.at >= DOUBT_TIMEOUT_MS) {
      this.#again("the server does not answer");
    } else if (this.#pending.size === 0 && !this.#question) {
      clearInterval(this.#timers.tick);
      this.#timers.tick = 0;
    }
  }

  #watch() {
    this.#timers.tick ||= setInterval(() => this.#tick(), TICK_MS);
  }

  /** Finds out whether a connection that looks alive is, with a question about any key. */
  #ask() {
    const [key, entry] = this.#entries.entries().next().value ?? [];
    if (this.status.state !== "synced" || this.#question || !entry) return;
    this.#question = { key, at: Date.now() };
    // A key whose time is not known has a later one than this.
    this.#op(key, entry.value, entry.timestamp ? entry.timestamp - 1 : 1);
    this.#watch();
  }

  #op(key, value, timestamp) {
    this.#say({ type: "op", payload: { key, value, timestamp } });
  }

  #say(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  // ---- telling and keeping time

  #emit(key, value, mine) {
    this.dispatchEvent(new CustomEvent("change", { detail: { key, value, mine } }));
  }

  #report(change = {}) {
    const refused = [...this.#pending.values()].find((write) => write.refused)?.refused ?? "";
    this.status = { ...this.status, ...change, pending: this.#pending.size, refused };
    this.dispatchEvent(new Event("status"));
  }

  /** The server's time in microseconds. */
  #now() {
    return Math.floor((Date.now() + this.#clock.ahead) * 1_000);
  }

  /** A timestamp above all that this page gave or knows for the key; seldom anyone else's too. */
  #stamp(known = 0) {
    const now = this.#now() + Math.floor(Math.random() * 1_000);
    const timestamp = Math.max(now, this.#clock.last + 1, known + 1);
    if (!Number.isSafeInteger(timestamp)) throw new NotTaken("its time lies too far in the future");
    // A key dated into the future must not drag all others there.
    if (timestamp > known + 1) this.#clock.last = timestamp;
    return timestamp;
  }
}

function backoff(failures) {
  const plain = Math.min(BACKOFF_MIN_MS * 2 ** failures, BACKOFF_MAX_MS);
  return plain * (1 + BACKOFF_SPREAD * (2 * Math.random() - 1));
}

function why(code, reason) {
  if (code === 1001) return "the server is being restarted";
  if (code === 1011) return "the server has a problem with its store";
  if (code === 1013) return "the server is busy";
  return reason || "the connection was lost";
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isOp(op) {
  return isObject(op) && typeof op.key === "string" && "value" in op && Number.isFinite(op.timestamp);
}

function same(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}

// ---- writes on their way, kept in the browser: a page that is closed offline loses nothing. All
// pages of a workspace share them; sending one twice is harmless, for it has one timestamp.

const place = (name, key) => `syncline/${name}/${key}`;

function keep(name, key, write) {
  try {
    localStorage.setItem(place(name, key), JSON.stringify(write));
  } catch {
    // No room or not allowed: then it lives as long as the page.
  }
}

function forget(name, key, timestamp) {
  try {
    const write = JSON.parse(localStorage.getItem(place(name, key)));
    if (write && write.timestamp <= timestamp) localStorage.removeItem(place(name, key));
  } catch {
    // What was not kept need not be forgotten.
  }
}

function kept(name) {
  const found = [];
  try {
    const prefix = place(name, "");
    for (let i = 0; i < localStorage.length; i += 1) {
      const item = localStorage.key(i);
      if (!item.startsWith(prefix)) continue;
      const { value, timestamp } = JSON.parse(localStorage.getItem(item));
      if (Number.isSafeInteger(timestamp)) found.push([item.slice(prefix.length), { value, timestamp }]);
    }
  } catch {
    // As if there were none.
  }
  return found;
}
