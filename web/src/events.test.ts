import { expect, it } from "vitest";
import gone from "../../protocol/fixtures/event-gone.json";
import changed from "../../protocol/fixtures/event-line.json";
import problem from "../../protocol/fixtures/event-problem.json";
import snapshot from "../../protocol/fixtures/event-snapshot.json";
import sentences from "../../protocol/fixtures/sentences.json";
import { delayMs, eventsAddress, GRADES, learn, parse, type Known, type Message } from "./events";

const told = (fixture: unknown) => parse(JSON.stringify(fixture)) as Message;

it("understands the relay's messages", () => {
  const first = told(snapshot);
  expect(first).toMatchObject({ type: "snapshot", seat: "room-7" });
  expect(first.type === "snapshot" && first.lines.map((line) => line.seat)).toEqual(["room-7", "centre"]);
  const line = told(changed);
  expect(line.type === "line" && line.line.sentence.zh).toBe("贵校下行丢包 12%，已改为语音优先");
  expect(told(gone)).toEqual({ type: "gone", seat: "room-7" });
  expect(told(problem)).toEqual({ type: "problem" });
});

it("skips what it does not know", () => {
  for (const text of ["", "x", "null", "7", "[]", "{}", '{"v":2,"type":"gone","seat":"a"}', '{"v":1,"type":"hand","seat":"a"}', '{"v":1,"type":"line","line":{"seat":"a"}}']) {
    expect(parse(text), text).toBeNull();
  }
  const partly = { ...snapshot, lines: [...snapshot.lines, { seat: "newer", grade: "purple" }] };
  expect(told(partly)).toMatchObject({ lines: [{ seat: "room-7" }, { seat: "centre" }] });
});

it("knows every grade the relay gives", () => {
  for (const { grade } of sentences) expect(GRADES).toContain(grade);
});

it("knows the lines after each message", () => {
  const grade = (known: Known | null) => known?.lines.get("room-7")?.grade;
  expect(learn(null, told(changed))).toBeNull();
  const first = learn(null, told(snapshot));
  expect(grade(first)).toBe("good");
  const second = learn(first, told(changed));
  expect(grade(second)).toBe("poor");
  const third = learn(second, told(gone));
  expect(grade(third)).toBeUndefined();
  expect(third?.lines.size).toBe(1);
  expect(learn(third, told(problem))).toBeNull();
});

it("finds the events beside the page, encrypted where the page is", () => {
  expect(eventsAddress("https://relay.example/x/watch.html?lesson=q#token=t", "demo")).toBe("wss://relay.example/x/api/lessons/demo/events");
  expect(eventsAddress("http://127.0.0.1:8443/watch.html", "demo")).toBe("ws://127.0.0.1:8443/api/lessons/demo/events");
});

it("comes back soon when cut off, and seldom when it is not allowed in", () => {
  expect(delayMs(0, 1006, 0)).toBe(500);
  expect(delayMs(2, 1001, 1)).toBe(4_000);
  expect(delayMs(20, 1006, 1)).toBe(15_000);
  expect(delayMs(0, 4_401, 0)).toBe(30_000);
  expect(delayMs(0, 4_503, 1)).toBe(1_000);
});
