import { expect, it } from "vitest";
import { judge, reassured, type Hearing, type PathSample, type Verdict } from "./liveness";

/** Judges samples half a second apart; `at` gives the counters at a time in ms. */
function listen(untilMs: number, at: (ms: number) => Omit<PathSample, "atMs">, told?: (hearing: Hearing) => Hearing) {
  const verdicts: [number, Verdict][] = [];
  let hearing: Hearing | null = null;
  for (let ms = 0; ms <= untilMs; ms += 500) {
    const judged = judge(hearing, { atMs: ms, ...at(ms) });
    hearing = judged.verdict === "ask" && told ? told(judged.hearing) : judged.hearing;
    verdicts.push([ms, judged.verdict]);
  }
  return (verdict: Verdict) => verdicts.filter((entry) => entry[1] === verdict).map((entry) => entry[0]);
}

/** Checks of a settled pair are 2.5 s apart. */
const checks = (ms: number) => Math.floor(ms / 2_500);

it("never doubts a path that carries media", () => {
  const heard = listen(60_000, (ms) => ({ packets: ms, requests: checks(ms), responses: 0 }));
  expect(heard("alive")).toHaveLength(121);
});

it("never doubts a path without media whose checks are answered", () => {
  const heard = listen(60_000, (ms) => ({ packets: 7, requests: checks(ms), responses: checks(ms) }));
  expect(heard("alive")).toHaveLength(121);
});

it("asks once when a publisher leaves, and is content with the answer", () => {
  const heard = listen(60_000, (ms) => ({ packets: Math.min(ms, 10_500), requests: checks(ms), responses: checks(ms) }), reassured);
  expect(heard("dead")).toEqual([]);
  expect(heard("ask")).toEqual([12_000]);
});

it("asks within two seconds of silence, and again until there is an answer", () => {
  const heard = listen(12_500, (ms) => ({ packets: Math.min(ms, 10_000), requests: checks(Math.min(ms, 10_000)), responses: checks(Math.min(ms, 10_000)) }));
  expect(heard("ask")).toEqual([11_500, 12_000, 12_500]);
});

it("needs two unanswered checks to call a path dead", () => {
  // From 10 s on nothing arrives; the browser checks at 12.5 s and, missing an answer, every 0.9 s.
  const requests = (ms: number) => checks(Math.min(ms, 12_500)) + Math.max(0, Math.floor((ms - 12_500) / 900));
  const heard = listen(20_000, (ms) => ({ packets: Math.min(ms, 10_000), requests: requests(ms), responses: 4 }), reassured);
  expect(heard("dead")[0]).toBe(13_500);
});

it("takes a new candidate pair for news, not for silence", () => {
  const first = judge(null, { atMs: 0, packets: 100, requests: 9, responses: 9 });
  const second = judge(first.hearing, { atMs: 5_000, packets: 0, requests: 1, responses: 0 });
  expect(second.verdict).toBe("alive");
});
