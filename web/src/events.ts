/** The relay's event stream (`protocol/src/event.rs`): its messages, and what is known after each. */

export const GRADES = ["good", "fair", "poor", "down"] as const;
export type Grade = (typeof GRADES)[number];

/** How much of a picture a seat is sent. */
export type Shown =
  | { readonly shown: "paused" }
  | { readonly shown: "layer"; readonly layer: number; readonly layers: number };

export interface Figures {
  readonly rate_bps: number;
  readonly loss_percent: number;
  readonly loss_after_repair_percent?: number;
  readonly round_trip_ms?: number;
  readonly jitter_ms?: number;
}

/** A seat's line now; of what is sent, what pages show. */
export interface Line {
  readonly seat: string;
  readonly grade: Grade;
  readonly situation: { readonly kind: string; readonly remedy?: string };
  readonly sentence: { readonly zh: string; readonly en: string };
  readonly downlink?: Figures & { readonly estimate_bps?: number; readonly slots: readonly ({ readonly slot: string } & Shown)[] };
  readonly outages: { readonly count: number; readonly total_ms: number };
}

export type Message =
  | { readonly type: "snapshot"; readonly seat: string; readonly lines: readonly Line[] }
  | { readonly type: "line"; readonly line: Line }
  | { readonly type: "gone"; readonly seat: string }
  | { readonly type: "problem" };

/** What a player counted since the hello. */
export interface Playback {
  readonly freezes: number;
  readonly freeze_ms: number;
  readonly concealed_ms: number;
  readonly frames_decoded: number;
  readonly packets_lost: number;
}

/** Close codes of refusals are this plus an HTTP status. */
export const CLOSE_BASE = 4_000;

/** The relay's address for a lesson's events. */
export function eventsAddress(page: string, lesson: string): string {
  const address = new URL(`api/lessons/${encodeURIComponent(lesson)}/events`, page);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  address.hash = "";
  return address.href;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === "object" && value !== null;

function isLine(value: unknown): value is Line {
  return isObject(value)
    && typeof value["seat"] === "string"
    && GRADES.some((grade) => grade === value["grade"])
    && isObject(value["situation"])
    && isObject(value["sentence"]) && typeof value["sentence"]["zh"] === "string" && typeof value["sentence"]["en"] === "string"
    && isObject(value["outages"])
    && (value["downlink"] === undefined || (isObject(value["downlink"]) && Array.isArray(value["downlink"]["slots"])));
}

/** A message of the relay; null for one that this page does not know, which a newer relay may send. */
export function parse(text: string): Message | null {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isObject(message) || message["v"] !== 1) return null;
  const { type, seat, lines, line } = message;
  if (type === "snapshot" && typeof seat === "string" && Array.isArray(lines)) return { type, seat, lines: lines.filter(isLine) };
  if (type === "line" && isLine(line)) return { type, line };
  if (type === "gone" && typeof seat === "string") return { type, seat };
  return type === "problem" ? { type } : null;
}

/** What is known: the lines by seat, and which of them is one's own. */
export interface Known {
  readonly seat: string;
  readonly lines: ReadonlyMap<string, Line>;
}

/** What is known after `message`. */
export function learn(known: Known | null, message: Message): Known | null {
  if (message.type === "snapshot") {
    return { seat: message.seat, lines: new Map(message.lines.map((line) => [line.seat, line])) };
  }
  if (!known) return null;
  switch (message.type) {
    case "line":
      return { ...known, lines: new Map(known.lines).set(message.line.seat, message.line) };
    case "gone": {
      const lines = new Map(known.lines);
      lines.delete(message.seat);
      return { ...known, lines };
    }
    case "problem":
      return null;
  }
}

/** How long to wait before the n-th attempt in a row (from 0), ms; `chance` is from 0 to 1. */
export function delayMs(attempt: number, closeCode: number, chance: number): number {
  const status = closeCode - CLOSE_BASE;
  // Nothing changes soon for who is not allowed in; the lesson goes on without.
  if (status >= 400 && status < 429) return 30_000;
  return Math.min(15_000, 1_000 * 2 ** attempt) * (0.5 + chance / 2);
}
