/** Problem details (RFC 9457) as the relay serves them, and reading them off a response that may be anything. */

export interface Problem {
  /** Stable name of the kind, a relative URI such as `/problems/unknown-lesson`; `about:blank` when the server gave none. */
  readonly kind: string;
  readonly title: string;
  /** The HTTP status code. */
  readonly status: number;
  /** A sentence in English for the person who has to act; may be empty. */
  readonly detail: string;
}

/** Longest foreign text shown to a person, in UTF-16 units: a proxy's error page is not a sentence. */
const LONGEST_DETAIL = 300;

/** Makes a problem of a response body. Never throws: servers and proxies answer with anything. */
export function parseProblem(status: number, contentType: string | null, body: string): Problem {
  const fallback: Problem = { kind: "about:blank", title: `HTTP ${status}`, status, detail: "" };
  const type = contentType?.split(";")[0]?.trim().toLowerCase();
  if (type === "text/plain") return { ...fallback, detail: body.trim().slice(0, LONGEST_DETAIL) };
  if (type !== "application/problem+json" && type !== "application/json") return fallback;
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return fallback;
  }
  if (typeof value !== "object" || value === null) return fallback;
  const field = (name: string, otherwise: string) => {
    const text = (value as Record<string, unknown>)[name];
    return typeof text === "string" ? text.slice(0, LONGEST_DETAIL) : otherwise;
  };
  return {
    kind: field("type", fallback.kind),
    title: field("title", fallback.title),
    status,
    detail: field("detail", ""),
  };
}

/**
 * Whether asking again, unchanged, can help. A wrong token or an offer the relay cannot serve needs a person;
 * a lesson that is not there yet, a full relay or a proxy in front of a relay that restarts does not.
 */
export function mayPass(problem: Problem): boolean {
  return problem.status >= 500 || problem.status === 404 || problem.status === 408 || problem.status === 409
    || problem.status === 425 || problem.status === 429;
}
