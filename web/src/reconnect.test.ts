import { describe, expect, it } from "vitest";
import { delayBefore, next, type Event, type Failure, type State } from "./reconnect";

const network: Failure = { kind: "network" };
const problem = (status: number, retryAfterMs: number | null = null): Failure => ({
  kind: "problem",
  problem: { kind: "about:blank", title: "", status, detail: "" },
  retryAfterMs,
});
const run = (events: readonly Event[], chance = 0.5) =>
  events.reduce<State>((state, event) => next(state, event, chance), { kind: "idle" });

describe("the delay before an attempt", () => {
  it("grows from a quarter of a second and never passes two seconds", () => {
    expect([1, 2, 3, 4].map((attempt) => delayBefore(attempt, 1))).toEqual([250, 375, 563, 844]);
    expect(delayBefore(1_000, 0.999)).toBeLessThanOrEqual(2_000);
  });

  it("is at least half fixed, so that chance cannot make a storm", () => {
    expect(delayBefore(1, 0)).toBe(125);
    expect(delayBefore(50, 0)).toBe(1_000);
  });

  it("stays in proportion to the outage", () => {
    let outage = 0;
    for (let attempt = 1; attempt < 7; attempt += 1) {
      const delay = delayBefore(attempt, 1);
      outage += delay;
      // The attempt that finds the relay back is at most this late.
      expect(delayBefore(attempt + 1, 1)).toBeLessThanOrEqual(outage * 1.5);
    }
  });
});

describe("a connection", () => {
  it("comes back after a loss, from the first delay again", () => {
    const lost = run([{ kind: "start" }, { kind: "connected" }, { kind: "failed", failure: { kind: "lost" } }]);
    expect(lost).toEqual({ kind: "waiting", attempt: 1, delayMs: delayBefore(1, 0.5), failure: { kind: "lost" } });
    expect(next(lost, { kind: "due" }, 0)).toEqual({ kind: "connecting", attempt: 1, after: { kind: "lost" } });
  });

  it("counts attempts until one succeeds", () => {
    const failed: Event[] = [{ kind: "failed", failure: network }, { kind: "due" }];
    expect(run([{ kind: "start" }, ...failed, ...failed, ...failed])).toMatchObject({ kind: "connecting", attempt: 3 });
    expect(run([{ kind: "start" }, ...failed, { kind: "connected" }])).toEqual({ kind: "live" });
  });

  it.each([400, 401, 403, 405, 406, 415])("gives up on status %i until a person tries again", (status) => {
    const refused = run([{ kind: "start" }, { kind: "failed", failure: problem(status) }]);
    expect(refused.kind).toBe("refused");
    expect(next(refused, { kind: "due" }, 0)).toBe(refused);
    expect(next(refused, { kind: "start" }, 0)).toMatchObject({ kind: "connecting", attempt: 0 });
  });

  it.each([404, 408, 409, 429, 500, 502, 503])("goes on after status %i", (status) => {
    expect(run([{ kind: "start" }, { kind: "failed", failure: problem(status) }]).kind).toBe("waiting");
  });

  it("waits as long as the relay asks, within reason", () => {
    const delay = (ms: number) => {
      const state = run([{ kind: "start" }, { kind: "failed", failure: problem(503, ms) }]);
      return state.kind === "waiting" ? state.delayMs : null;
    };
    expect(delay(2_000)).toBe(2_000);
    expect(delay(3_600_000)).toBe(30_000);
    expect(delay(0)).toBe(delayBefore(1, 0.5));
  });

  it("gives up when the browser cannot", () => {
    const failure: Failure = { kind: "browser", detail: "no H.264" };
    expect(run([{ kind: "start" }, { kind: "failed", failure }])).toEqual({ kind: "refused", failure });
  });

  it("can be ended in every state", () => {
    const states: Event[][] = [[], [{ kind: "start" }], [{ kind: "start" }, { kind: "connected" }],
      [{ kind: "start" }, { kind: "failed", failure: network }], [{ kind: "start" }, { kind: "failed", failure: problem(401) }]];
    for (const events of states) expect(run([...events, { kind: "stop" }])).toEqual({ kind: "idle" });
  });

  it("ignores events that were overtaken", () => {
    const idle = run([{ kind: "start" }, { kind: "stop" }]);
    for (const event of [{ kind: "connected" }, { kind: "due" }, { kind: "failed", failure: network }] as const) {
      expect(next(idle, event, 0)).toBe(idle);
    }
    const live = run([{ kind: "start" }, { kind: "connected" }]);
    expect(next(live, { kind: "due" }, 0)).toBe(live);
    expect(next(live, { kind: "start" }, 0)).toBe(live);
  });
});
