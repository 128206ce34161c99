/** Keeps one event stream up. The lesson does not depend on it: while it is down, there is just nothing to tell. */

import { delayMs, learn, parse, type Known, type Playback } from "../events";

/** Who asks, and what for. */
export interface Question {
  readonly address: string;
  readonly token: string | null;
  /** In local mode, which seat this is. */
  readonly seat: string | null;
}

export class EventStream {
  readonly #question: Question;
  /** Told what is known after every message; null while the stream is down. */
  readonly #learned: (known: Known | null) => void;
  /** Called when the relay has taken the hello: players count from here. */
  readonly #greeted: () => void;
  #socket: WebSocket | null = null;
  #known: Known | null = null;
  #attempt = 0;
  #timer = 0;

  constructor(question: Question, learned: (known: Known | null) => void, greeted: () => void) {
    this.#question = question;
    this.#learned = learned;
    this.#greeted = greeted;
    window.addEventListener("pagehide", () => this.stop());
    window.addEventListener("online", () => { if (!this.#socket && this.#timer) this.start(); });
  }

  /** Connects, and again whenever it is lost. */
  start(): void {
    clearTimeout(this.#timer);
    const { address, token, seat } = this.#question;
    const socket = new WebSocket(address);
    this.#socket = socket;
    socket.addEventListener("open", () => {
      socket.send(JSON.stringify({ type: "hello", ...(token ? { token } : {}), ...(seat ? { seat } : {}) }));
    });
    socket.addEventListener("message", ({ data }) => {
      const message = typeof data === "string" ? parse(data) : null;
      if (!message || this.#socket !== socket) return;
      if (message.type === "snapshot") {
        this.#attempt = 0;
        this.#greeted();
      }
      this.#know(learn(this.#known, message));
    });
    // An error is always followed by a close.
    socket.addEventListener("close", ({ code }) => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.#know(null);
      this.#timer = window.setTimeout(() => this.start(), delayMs(this.#attempt, code, Math.random()));
      this.#attempt += 1;
    });
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  /** Tells what the player has counted since the hello; nothing while the stream is down or full. */
  report(playback: Playback): void {
    const socket = this.#socket;
    if (this.#known && socket?.readyState === WebSocket.OPEN && socket.bufferedAmount === 0) {
      socket.send(JSON.stringify({ type: "playback", ...playback }));
    }
  }

  #know(known: Known | null): void {
    this.#known = known;
    this.#learned(known);
  }
}
