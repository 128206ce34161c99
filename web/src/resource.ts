/** The HTTP side of WHIP (RFC 9725) and WHEP: a resource is made by POST of an offer and ended by DELETE. */

import { parseProblem } from "./problem";
import type { Failure } from "./reconnect";

/** A session at the relay. */
export interface Resource {
  readonly address: string;
  readonly answer: string;
}

/** Thrown by everything that tries to connect. */
export class ConnectError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.kind);
    this.failure = failure;
  }
}

/** A host that drops packets must not hold an attempt for the minutes of a TCP timeout. */
const ANSWER_WITHIN_MS = 4_000;

function authorisation(token: string | null): Record<string, string> {
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/** Retry-After in seconds (RFC 9110 §10.2.3) as ms; the date form is ignored, clocks of classrooms are wrong. */
export function retryAfterMs(header: string | null): number | null {
  return header !== null && /^\d{1,6}$/.test(header.trim()) ? Number(header.trim()) * 1_000 : null;
}

/** Posts `offer` to `endpoint`. Throws {@link ConnectError}; aborting `signal` rejects with its reason. */
export async function create(
  endpoint: string,
  offer: string,
  token: string | null,
  signal: AbortSignal,
): Promise<Resource> {
  try {
    const response = await fetch(endpoint, {
      method: "POST",
      headers: { "Content-Type": "application/sdp", Accept: "application/sdp", ...authorisation(token) },
      body: offer,
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]),
    });
    const body = await response.text();
    if (response.status !== 201) {
      const problem = parseProblem(response.status, response.headers.get("Content-Type"), body);
      throw new ConnectError({ kind: "problem", problem, retryAfterMs: retryAfterMs(response.headers.get("Retry-After")) });
    }
    const location = response.headers.get("Location");
    if (location === null) {
      throw new ConnectError({ kind: "browser", detail: "the answer to the offer has no Location (RFC 9725 §4.2)" });
    }
    // Relative to the address that answered, after redirects (RFC 9725 §4.2).
    return { address: new URL(location, response.url).href, answer: body };
  } catch (error) {
    if (error instanceof ConnectError || signal.aborted) throw error;
    throw new ConnectError({ kind: "network" });
  }
}

/** Ends a session and does not wait; `keepalive` lets the request outlive the page. */
export function end(resource: Resource, token: string | null): void {
  fetch(resource.address, { method: "DELETE", headers: authorisation(token), keepalive: true }).catch(() => {
    // The relay notices by itself: consent expires (RFC 7675).
  });
}

/** Asks whether the session still exists: it answers HEAD with 2xx and nothing else (RFC 9725 §4.1). */
export async function ask(resource: Resource, token: string | null, signal: AbortSignal): Promise<"there" | "gone" | "unknown"> {
  try {
    const response = await fetch(resource.address, {
      method: "HEAD",
      headers: authorisation(token),
      cache: "no-store",
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]),
    });
    if (response.ok) return "there";
    return response.status === 404 || response.status === 410 ? "gone" : "unknown";
  } catch {
    return "unknown";
  }
}
