import { expect, it } from "vitest";
import type { State } from "../reconnect";
import { places, visible } from "./layout";
import { interrupt, observe, view, type Picture } from "./picture";
import type { Slot } from "../whep";

const none: Picture = { kind: "none" };
const moving = (atMs = 0): Picture => ({ kind: "moving", frames: 10, atMs });
const stalled = (sinceMs = 0): Picture => ({ kind: "stalled", frames: 10, sinceMs });

it("moves while frames are decoded, and stalls four seconds after the last", () => {
  expect(observe(none, 0, 0)).toEqual(none);
  const first = observe(none, 3, 500);
  expect(first).toEqual({ kind: "moving", frames: 3, atMs: 500 });
  expect(observe(first, 3, 4_000)).toBe(first);
  expect(observe(first, 3, 4_500)).toEqual({ kind: "stalled", frames: 3, sinceMs: 4_500 });
  expect(observe(stalled(), 11, 9_000)).toEqual({ kind: "moving", frames: 11, atMs: 9_000 });
});

it("counts a new connection's frames from nought", () => {
  const lost = interrupt(moving(), 1_000);
  expect(lost).toEqual({ kind: "stalled", frames: 0, sinceMs: 1_000 });
  expect(observe(lost, 0, 1_500)).toBe(lost);
  expect(observe(lost, 1, 2_000)).toMatchObject({ kind: "moving", frames: 1 });
  expect(interrupt(none, 5)).toEqual(none);
});

it("says that the teacher has not started until there is a picture", () => {
  const live: State = { kind: "live" };
  expect(view(live, [none, none]).kind).toBe("waiting");
  expect(view(live, [none, moving()]).kind).toBe("live");
  expect(view(live, [stalled(), moving()]).kind).toBe("live");
  expect(view(live, [stalled(), none]).kind).toBe("stalled");
});

it("tells a first connection from a repeated one", () => {
  expect(view({ kind: "connecting", attempt: 0, after: null }, []).kind).toBe("connecting");
  expect(view({ kind: "connecting", attempt: 2, after: { kind: "network" } }, []).kind).toBe("reconnecting");
  expect(view({ kind: "waiting", attempt: 1, delayMs: 1, failure: { kind: "lost" } }, [moving()]).kind).toBe("reconnecting");
});

const pictures = (entries: Partial<Record<Slot, Picture>>) =>
  new Map<Slot, Picture>(Object.entries({ camera: none, courseware: none, "stage-1": none, ...entries }) as [Slot, Picture][]);

it("gives places to slots with a picture only, the main one first", () => {
  expect(visible(pictures({ camera: moving(), courseware: moving() }), "courseware", 0)).toEqual(["courseware", "camera"]);
  expect(visible(pictures({ camera: moving() }), "courseware", 0)).toEqual(["camera"]);
});

it("keeps the place of a slot that stopped for half a minute, and the last picture for ever", () => {
  const both = pictures({ camera: stalled(0), courseware: moving() });
  expect(visible(both, "courseware", 29_000)).toEqual(["courseware", "camera"]);
  expect(visible(both, "courseware", 31_000)).toEqual(["courseware"]);
  expect(visible(pictures({ camera: stalled(0) }), "courseware", 3_600_000)).toEqual(["camera"]);
});

it("lays slots out", () => {
  expect([...places(["courseware", "camera", "stage-1"], "focus").values()]).toEqual(["main", "small", "third"]);
  expect([...places(["courseware", "camera"], "sides").values()]).toEqual(["left", "right"]);
  expect([...places(["camera"], "sides").values()]).toEqual(["main"]);
  expect([...places(["courseware", "camera"], "two-screens").values()]).toEqual(["main", "second-screen"]);
});
