/** The HTTP side of WHIP (RFC 9725) and WHEP: a resource is made by POST of an offer and ended by DELETE. */

import { parseProblem } from "./problem";
import type { Failure } from "./reconnect";

/** A session at the relay. */
export interface Resource {
  readonly address: string;
  /** Entity tag of its ICE generation, as sent; null when the server gave none. */
  readonly etag: string | null;
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
    return { address: new URL(location, response.url).href, etag: response.headers.get("ETag"), answer: body };
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

/**
 * Asks whether the session still exists, by a PATCH that changes nothing. "unknown" when there is no clear answer.
 * `fragment` comes from `endOfCandidates`.
 */
export async function ask(
  resource: Resource,
  fragment: string,
  token: string | null,
  signal: AbortSignal,
): Promise<"there" | "gone" | "unknown"> {
  const headers: Record<string, string> = { "Content-Type": "application/trickle-ice-sdpfrag", ...authorisation(token) };
  if (resource.etag !== null) headers["If-Match"] = resource.etag;
  try {
    const within = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]);
    const response = await fetch(resource.address, { method: "PATCH", headers, body: fragment, signal: within });
    if (response.ok) return "there";
    return response.status === 404 || response.status === 410 ? "gone" : "unknown";
  } catch {
    return "unknown";
  }
}
