import { expect, it } from "vitest";
import changed from "../../../protocol/fixtures/event-line.json";
import playback from "../../../protocol/fixtures/request-playback.json";
import { parse, type Line } from "../events";
import type { Inbound } from "../stats";
import { figures, layerKey } from "./line";
import { counts, Tally } from "./tally";

function fixture(): Line {
  const message = parse(JSON.stringify(changed));
  if (message?.type !== "line") throw new Error("not a line");
  return message.line;
}

it("shows the figures that there are", () => {
  expect(figures(fixture())).toEqual([
    ["丢包（补发前）", "12.3 %"],
    ["丢包（补发后）", "0.25 %"],
    ["往返时间", "86 ms"],
    ["抖动", "21 ms"],
    ["码率", "0.6 Mbit/s"],
    ["线路可承载", "0.9 Mbit/s"],
    ["中断", "1 次 / 5.2 秒"],
    ["老师", "已暂停"],
    ["课件", "减帧 (1/2)"],
  ]);
  const { downlink: _, ...bare } = fixture();
  expect(figures(bare)).toEqual([["中断", "1 次 / 5.2 秒"]]);
});

it("names layers by what they give up", () => {
  const layer = (layer: number, layers: number) => ({ shown: "layer", layer, layers }) as const;
  expect([0, 1, 2].map((n) => layerKey("camera", layer(n, 3)))).toEqual(["layerSmall", "layerMedium", "layerBest"]);
  expect([0, 1].map((n) => layerKey("courseware", layer(n, 2)))).toEqual(["layerFewerFrames", "layerEveryFrame"]);
  expect(layerKey("camera", layer(0, 1))).toBe("layerOnly");
  expect(layerKey("stage-1", { shown: "paused" })).toBe("layerPaused");
});

const inbound = (part: Partial<Inbound>): Inbound => ({
  kind: "video", mid: "0", codec: "", bytes: 0, packets: 0, lost: 0, repaired: 0, jitterMs: 0, framesDecoded: 0, freezes: 0, freezeMs: 0,
  keyframeRequests: 0, bufferedMs: 0, emitted: 0, concealedSamples: 0, width: 0, height: 0, fps: 0, ...part,
});

it("counts what the relay wants to know", () => {
  const sum = counts({ inbound: [inbound({ framesDecoded: 90, freezes: 1, freezeMs: 400.4, lost: 90, repaired: 85 }), inbound({ kind: "audio", concealedSamples: 960, lost: 7 })] });
  expect(sum).toEqual({ frames_decoded: 90, freezes: 1, freeze_ms: 400, concealed_ms: 20, packets_lost: 5 });
  expect(Object.keys({ type: "playback", ...sum }).sort()).toEqual(Object.keys(playback).sort());
});

it("adds connections up, and begins anew with every hello", () => {
  const tally = new Tally();
  tally.add({ inbound: [inbound({ framesDecoded: 100, lost: 4 })] });
  tally.add({ inbound: [inbound({ framesDecoded: 120, lost: 1 })] });
  tally.add({ inbound: [inbound({ framesDecoded: 130, lost: 4 })] });
  expect(tally.sum).toMatchObject({ frames_decoded: 130, packets_lost: 4 });
  tally.reconnected();
  tally.add({ inbound: [inbound({ framesDecoded: 140 })] });
  expect(tally.sum.frames_decoded).toBe(270);
  tally.restart();
  tally.add({ inbound: [inbound({ framesDecoded: 150 })] });
  expect(tally.sum.frames_decoded).toBe(10);
});
