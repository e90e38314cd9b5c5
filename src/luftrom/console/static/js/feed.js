// The link to the own node: status, the delta feed, and the event stream that says when to read
// it. EventSource cannot send a token, so the stream is read with fetch.

import { throttled } from "./dom.js";

const PAGE = 200;
const ITEMS_MAX = 5000;          // notices, and conflicts, that are read
// This page is at console/ below the node's base URL, which may have a path of its own.
const ROOT = new URL("..", document.baseURI);
const QUIET_MS = 9000;             // the node speaks every five seconds; this long is too long
const WAIT_MS_MAX = 5000;

export class Feed extends EventTarget {
  constructor(token) {
    super();
    this.token = token;
    this.revision = 0;
    this.state = "connecting";       // connecting, live, lost, refused
    this.heardMs = performance.now();
    this.heardAt = null;             // wall clock, to be shown
    this.stopped = false;
    this.readAll = throttled(400, () => this.#read());
    this.reading = false;
    this.again = false;
    this.notUntilMs = 0;
  }

  start() {
    this.#follow();
    this.watch = setInterval(() => {
      if (this.state === "live" && performance.now() - this.heardMs > QUIET_MS) this.#lose();
    }, 1000);
  }

  stop() {
    this.stopped = true;
    clearInterval(this.watch);
    this.abort?.abort();
  }

  async #get(path, signal) {
    const answer = await fetch(new URL(path, ROOT), { headers: this.#headers(), cache: "no-store",
      signal: signal ?? AbortSignal.timeout(20000) });
    if (answer.status === 401 || answer.status === 403) {
      this.#refuse(answer.status);
      throw new Error(`refused: ${answer.status}`);
    }
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    return answer;
  }

  // What is free now instead of a refused activity of the own node.
  async suggestions(id) {
    const path = `v1/operational_intents/${encodeURIComponent(id)}/suggestions`;
    return (await (await this.#get(path)).json()).suggestions;
  }

  #headers() {
    return { authorization: `Bearer ${this.token}` };
  }

  #refuse(status) {
    if (this.stopped) return;
    this.stop();
    this.#become("refused");
    this.#tell("refused", status);
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  #become(state) {
    if (this.state === state) return;
    this.state = state;
    this.#tell("link", state);
  }

  #hear() {
    this.heardMs = performance.now();
    this.heardAt = Date.now();
    this.#become("live");
  }

  #lose() {
    this.abort?.abort();
    this.#become("lost");
  }

  // Keep a stream open; after each loss try again, a little later each time.
  async #follow() {
    let waitMs = 500;
    while (!this.stopped) {
      const openedMs = performance.now();
      try {
        await this.#stream();
      } catch (error) {
        if (this.stopped) return;
        console.info("event stream:", error.message);
      }
      if (this.stopped) return;
      if (performance.now() - openedMs > 10000) waitMs = 500;
      else this.#become("lost");
      await new Promise((done) => { setTimeout(done, waitMs); });
      waitMs = Math.min(WAIT_MS_MAX, waitMs * 2);
    }
  }

  async #stream() {
    this.abort = new AbortController();
    const headers = {};
    if (this.revision) headers["last-event-id"] = String(this.revision);
    const answer = await this.#open(headers);
    this.#hear();
    this.readAll();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      this.#hear();
      text += value;
      const events = text.split("\n\n");
      text = events.pop();
      for (const event of events) this.#take(event);
    }
  }

  async #open(extra) {
    const answer = await fetch(new URL("v1/events", ROOT), { cache: "no-store", signal: this.abort.signal,
      headers: Object.assign(this.#headers(), extra) });
    if (answer.status === 401 || answer.status === 403) this.#refuse(answer.status);
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    return answer;
  }

  #take(event) {
    let name = "message";
    let data = "";
    for (const line of event.split("\n")) {
      if (line.startsWith("event:")) name = line.slice(6).trim();
      else if (line.startsWith("data:")) data += line.slice(5).trim();
    }
    if (name === "change") this.readAll();
    if (name === "status") this.#takeStatus(JSON.parse(data));
  }

  #takeStatus(status) {
    if (status.airspace.revision < this.revision) this.#startOver();
    this.#tell("status", status);
  }

  // A node that rebuilt its index counts from the beginning again.
  #startOver() {
    this.revision = 0;
    this.#tell("reset");
    this.readAll();
  }

  async #read() {
    const early = this.notUntilMs - performance.now();
    if (this.reading || early > 0) {
      if (!this.again) {
        this.again = true;
        if (!this.reading) setTimeout(() => { this.again = false; this.readAll(); }, early);
      }
      return;
    }
    this.reading = true;
    const beganMs = performance.now();
    try {
      await this.#readChanges();
      const [notices, conflicts] = await Promise.all(
        ["constraints", "conflicts"].map((name) => this.#readPages(name)));
      this.#tell("notices", notices.constraints);
      this.#tell("conflicts", conflicts);
      this.#tell("read");
    } catch (error) {
      if (!this.stopped) console.info("reading the airspace:", error.message);
    }
    this.reading = false;
    // While a thousand declarations come in, reading may take a third of the time, no more.
    this.notUntilMs = performance.now() + 2 * (performance.now() - beganMs);
    if (this.again) {
      this.again = false;
      this.readAll();
    }
  }

  // The first page, with the items of those behind it: as many as can be looked at.
  async #readPages(name) {
    const first = await (await this.#get(`v1/${name}`)).json();
    let next = first.next;
    while (next && first[name].length < ITEMS_MAX) {
      const page = await (await this.#get(`v1/${name}${new URL(next, ROOT).search}`)).json();
      first[name].push(...page[name]);
      next = page.next;
    }
    return first;
  }

  async #readChanges() {
    let path = `v1/operational_intents?after=${this.revision}&limit=${PAGE}`;
    while (path) {
      const page = await (await this.#get(path)).json();
      if (page.operational_intents.length) this.#tell("activities", page.operational_intents);
      // Only the query is taken: the path of this list is known here, behind a proxy as well.
      const next = page.next ? new URL(page.next, ROOT) : null;
      path = next ? `v1/operational_intents${next.search}` : null;
      this.revision = next ? Number(next.searchParams.get("after")) : page.revision;
    }
  }
}
