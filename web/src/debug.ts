/** What a page tells tests and curious people: `window.lectern`, beside the data attributes of `body`. */

import type { Line } from "./events";
import type { State } from "./reconnect";
import type { Reading } from "./stats";

export interface Debug {
  state: State;
  /** The latest reading; null before the first and after a loss. */
  reading: Reading | null;
  /** The room's line, as the relay last told of it; null while it tells nothing. */
  line: Line | null;
  /** Connections made since the page was loaded. */
  connections: number;
}

declare global {
  interface Window {
    lectern: Debug;
  }
}

/** Puts the handle into place. */
export function expose(): Debug {
  window.lectern = { state: { kind: "idle" }, reading: null, line: null, connections: 0 };
  return window.lectern;
}
