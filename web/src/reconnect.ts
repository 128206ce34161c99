/**
 * What a page does about its one connection: a state machine that is told events and chance, and does nothing itself.
 * `session.ts` carries out what the states ask for.
 */

import { mayPass, type Problem } from "./problem";

/** Why there is no connection. */
export type Failure =
  /** No HTTP answer: the relay is away, or the network is. */
  | { readonly kind: "network" }
  /** The relay answered with a problem. `retryAfterMs` is its Retry-After. */
  | { readonly kind: "problem"; readonly problem: Problem; readonly retryAfterMs: number | null }
  /** The relay answered, but ICE or DTLS did not come up. */
  | { readonly kind: "media" }
  /** It was live, and the path fell silent. */
  | { readonly kind: "lost" }
  /** The browser cannot do what it takes; `detail` is its own message. */
  | { readonly kind: "browser"; readonly detail: string };

export type State =
  | { readonly kind: "idle" }
  /** An attempt is under way; `after` is what ended the one before. */
  | { readonly kind: "connecting"; readonly attempt: number; readonly after: Failure | null }
  | { readonly kind: "live" }
  /** The next attempt comes in `delayMs`. */
  | { readonly kind: "waiting"; readonly attempt: number; readonly delayMs: number; readonly failure: Failure }
  /** Only a person can help. */
  | { readonly kind: "refused"; readonly failure: Failure };

export type Event =
  /** Somebody wants the connection; also "try again now". */
  | { readonly kind: "start" }
  | { readonly kind: "connected" }
  | { readonly kind: "failed"; readonly failure: Failure }
  /** The delay is over, or the network came back. */
  | { readonly kind: "due" }
  | { readonly kind: "stop" };

const FIRST_DELAY_MS = 250;
/**
 * A lesson waits: a page is back about two seconds after that is possible, however long the relay was away. A thousand
 * rooms ask 700 times a second then, which a relay that is full answers with Retry-After.
 */
const LONGEST_DELAY_MS = 2_000;
/** Gentle growth: after an outage of T the next attempt is never much further than T/2 away. */
const GROWTH = 1.5;
/** A Retry-After longer than this is no answer for a class that is waiting. */
const LONGEST_RETRY_AFTER_MS = 30_000;

/** Delay before attempt number `attempt` (1 is the first repetition), in ms. `chance` is in [0, 1). */
export function delayBefore(attempt: number, chance: number): number {
  const full = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * GROWTH ** (attempt - 1));
  // Half fixed, half chance: 29 rooms that lost one relay do not come back in one burst.
  return Math.round(full * (0.5 + 0.5 * chance));
}

function afterFailure(attempt: number, failure: Failure, chance: number): State {
  switch (failure.kind) {
    case "browser":
      return { kind: "refused", failure };
    case "problem": {
      if (!mayPass(failure.problem)) return { kind: "refused", failure };
      const asked = Math.min(failure.retryAfterMs ?? 0, LONGEST_RETRY_AFTER_MS);
      return { kind: "waiting", attempt, delayMs: Math.max(asked, delayBefore(attempt, chance)), failure };
    }
    case "network":
    case "media":
    case "lost":
      return { kind: "waiting", attempt, delayMs: delayBefore(attempt, chance), failure };
  }
}

/** The state after `event`. Events that make no sense in a state leave it as it is: they were overtaken. */
export function next(state: State, event: Event, chance: number): State {
  if (event.kind === "stop") return { kind: "idle" };
  switch (state.kind) {
    case "idle":
      return event.kind === "start" ? { kind: "connecting", attempt: 0, after: null } : state;
    case "connecting":
      if (event.kind === "connected") return { kind: "live" };
      return event.kind === "failed" ? afterFailure(state.attempt + 1, event.failure, chance) : state;
    case "live":
      return event.kind === "failed" ? afterFailure(1, event.failure, chance) : state;
    case "waiting":
      return event.kind === "due" || event.kind === "start"
        ? { kind: "connecting", attempt: state.attempt, after: state.failure }
        : state;
    case "refused":
      return event.kind === "start" ? { kind: "connecting", attempt: 0, after: state.failure } : state;
  }
}
