import { afterEach, expect, it, vi } from "vitest";
import { ask, ConnectError, create, retryAfterMs } from "./resource";

const never = new AbortController().signal;

/** Answers every request with `response`, as if from `https://relay.example/whip/demo/camera`. */
function answer(status: number, headers: Record<string, string>, body: string | null): ReturnType<typeof vi.fn> {
  const response = new Response(body, { status, headers });
  Object.defineProperty(response, "url", { value: "https://relay.example/whip/demo/camera" });
  const fetch = vi.fn(async () => response);
  vi.stubGlobal("fetch", fetch);
  return fetch;
}

afterEach(() => vi.unstubAllGlobals());

const failure = async (promise: Promise<unknown>) => {
  const error = await promise.then(() => null, (reason: unknown) => reason);
  return error instanceof ConnectError ? error.failure : error;
};

it("resolves Location against the address that answered, and sends the token as a bearer", async () => {
  const fetch = answer(201, { Location: "/session/1" }, "v=0");
  const resource = await create("https://relay.example/whip/demo/camera", "offer", "secret", never);
  expect(resource).toEqual({ address: "https://relay.example/session/1", answer: "v=0" });
  expect(fetch.mock.calls[0]?.[1].headers).toMatchObject({ Authorization: "Bearer secret", "Content-Type": "application/sdp" });
});

it("names no bearer without a token", async () => {
  const fetch = answer(201, { Location: "x" }, "");
  await create("https://relay.example/", "", null, never);
  expect(fetch.mock.calls[0]?.[1].headers).not.toHaveProperty("Authorization");
});

it("turns problem details into a failure", async () => {
  answer(503, { "Content-Type": "application/problem+json", "Retry-After": "3" }, '{"title":"Draining","detail":"the relay is stopping"}');
  expect(await failure(create("https://relay.example/", "", null, never))).toMatchObject({
    kind: "problem",
    retryAfterMs: 3_000,
    problem: { status: 503, title: "Draining", detail: "the relay is stopping" },
  });
});

it("takes a refused connection for the network's failure, and its own abort for none", async () => {
  vi.stubGlobal("fetch", async () => { throw new TypeError("Failed to fetch"); });
  expect(await failure(create("https://relay.example/", "", null, never))).toEqual({ kind: "network" });
  const aborted = AbortSignal.abort("left");
  vi.stubGlobal("fetch", async () => { throw aborted.reason; });
  expect(await failure(create("https://relay.example/", "", null, aborted))).toBe("left");
});

it("refuses a server that names no resource", async () => {
  answer(201, {}, "v=0");
  expect(await failure(create("https://relay.example/", "", null, never))).toMatchObject({ kind: "browser" });
});

it("asks whether a session is there", async () => {
  const resource = { address: "https://relay.example/session/1", answer: "" };
  const fetch = answer(204, {}, null);
  expect(await ask(resource, null, never)).toBe("there");
  expect(fetch.mock.calls[0]?.[1].method).toBe("HEAD");
  answer(404, {}, null);
  expect(await ask(resource, null, never)).toBe("gone");
  answer(502, {}, null);
  expect(await ask(resource, null, never)).toBe("unknown");
  vi.stubGlobal("fetch", async () => { throw new TypeError("Failed to fetch"); });
  expect(await ask(resource, null, never)).toBe("unknown");
});

it("reads Retry-After in seconds only", () => {
  expect(retryAfterMs("5")).toBe(5_000);
  expect(retryAfterMs("Fri, 20 Nov 2026 10:00:00 GMT")).toBeNull();
  expect(retryAfterMs("-1")).toBeNull();
  expect(retryAfterMs(null)).toBeNull();
});
