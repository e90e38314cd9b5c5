// What is free instead of a refused activity. The own node is asked when the panel opens, and anew
// when the airspace has changed: what is shown was free a moment ago, and says when.

import { throttled } from "./dom.js";
import { withShapes } from "./model.js";

const AGAIN_MS = 5000;

export class Suggestions {
  constructor(feed, model, changed) {
    this.feed = feed;
    this.model = model;
    this.changed = changed;
    this.id = null;
  }

  // A list, "asking" until the node has answered, or null: only the own node may be asked.
  of(activity) {
    if (activity.party !== this.model.party) return null;
    if (activity.id !== this.id) {
      Object.assign(this, { id: activity.id, found: "asking", revision: null,
        askAgain: throttled(AGAIN_MS, () => this.#ask()) });
    }
    if (this.revision !== this.feed.revision) {
      this.revision = this.feed.revision;
      this.askAgain();
    }
    return this.found;
  }

  async #ask() {
    const { id } = this;
    let found = null;
    try {
      found = (await this.feed.suggestions(id)).map((each) => withShapes(each));
    } catch (error) {
      console.info("asking what is free:", error.message);
    }
    if (id !== this.id) return;
    this.found = found;
    this.changed();
  }
}
