/** Keeps one connection up: carries out what `reconnect.ts` decides and `liveness.ts` notices. */

import { close, open, type Connection, type Plan } from "./connection";
import { judge, reassured, type Hearing } from "./liveness";
import { next, type Event, type State } from "./reconnect";
import { ask, ConnectError } from "./resource";
import { read, type Reading } from "./stats";

/** What the page is told. */
export interface Listener {
  /** The state changed; `connection` is there in the state "live". */
  state(state: State, connection: Connection | null): void;
  /** Twice a second while live. */
  reading(reading: Reading): void;
}

const READ_EVERY_MS = 500;
/** ICE often recovers from "disconnected" by itself, but not for long. */
const DISCONNECTED_FOR_MS = 2_000;

export class Session {
  #state: State = { kind: "idle" };
  /** Aborted when what the present state had begun is to end. */
  #life = new AbortController();
  readonly #plan: () => Plan;
  readonly #listener: Listener;

  /** `plan` is called for every attempt. */
  constructor(plan: () => Plan, listener: Listener) {
    this.#plan = plan;
    this.#listener = listener;
    window.addEventListener("online", () => this.#feed({ kind: "due" }));
    window.addEventListener("pagehide", () => this.stop());
    // Out of the back/forward cache comes a page whose connection was ended when it went in.
    window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  }

  get state(): State {
    return this.#state;
  }

  /** Connects, or tries again at once. */
  start(): void {
    this.#feed({ kind: "start" });
  }

  /** Ends the connection, at the relay too. */
  stop(): void {
    this.#feed({ kind: "stop" });
  }

  #feed(event: Event, connection: Connection | null = null): void {
    const state = next(this.#state, event, Math.random());
    if (state === this.#state) return;
    this.#state = state;
    // A connection outlives the attempt that made it; everything else ends with its state.
    if (state.kind !== "live") {
      this.#life.abort();
      this.#life = new AbortController();
    }
    this.#listener.state(state, connection);
    if (this.#state !== state) return;
    if (state.kind === "connecting") void this.#live(this.#life.signal);
    if (state.kind === "waiting") {
      const timer = setTimeout(() => this.#feed({ kind: "due" }), state.delayMs);
      this.#life.signal.addEventListener("abort", () => clearTimeout(timer));
    }
  }

  /** One attempt and, if it succeeds, the life of its connection. */
  async #live(signal: AbortSignal): Promise<void> {
    try {
      const connection = await open(this.#plan(), signal);
      if (signal.aborted) return close(connection);
      signal.addEventListener("abort", () => close(connection));
      this.#feed({ kind: "connected" }, connection);
      await this.#watch(connection, signal);
      this.#feed({ kind: "failed", failure: { kind: "lost" } });
    } catch (error) {
      if (signal.aborted) return;
      const failure = error instanceof ConnectError ? error.failure : { kind: "browser" as const, detail: String(error) };
      this.#feed({ kind: "failed", failure });
    }
  }

  /** Reads statistics until the path is lost. */
  async #watch(connection: Connection, signal: AbortSignal): Promise<void> {
    const { pc, resource, token } = connection;
    let hearing: Hearing | null = null;
    let disconnectedAt: number | null = null;
    for (;;) {
      await pause(READ_EVERY_MS, signal);
      const reading = read(await pc.getStats(), performance.now());
      signal.throwIfAborted();
      this.#listener.reading(reading);
      if (pc.connectionState === "failed" || pc.connectionState === "closed") return;
      disconnectedAt = pc.connectionState === "disconnected" ? disconnectedAt ?? reading.atMs : null;
      if (disconnectedAt !== null && reading.atMs - disconnectedAt >= DISCONNECTED_FOR_MS) return;
      if (!reading.path) continue;
      const judged = judge(hearing, reading.path);
      hearing = judged.hearing;
      if (judged.verdict === "dead") return;
      if (judged.verdict === "ask") {
        const answer = await ask(resource, token, signal);
        if (answer === "gone") return;
        if (answer === "there") hearing = reassured(hearing);
      }
    }
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}
