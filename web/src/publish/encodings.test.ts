import { expect, it } from "vitest";
import { encodings, fitted, maxBitrate } from "./encodings";

const of = (height: number) => ({ width: (height * 16) / 9, height });

/** Layers as `rid height`. */
const layers = (height: number) => encodings("motion", of(height)).map(({ rid, scaleResolutionDownBy = 1 }) => `${rid} ${height / scaleResolutionDownBy}`);

it("sends a camera in three sizes, or fewer when it is small", () => {
  expect(layers(2160)).toEqual(["l 360", "m 1080", "h 2160"]);
  expect(layers(1440)).toEqual(["l 360", "m 720", "h 1440"]);
  expect(layers(1080)).toEqual(["l 360", "h 1080"]);
  expect(layers(720)).toEqual(["l 360", "h 720"]);
  expect(layers(480)).toEqual(["h 480"]);
});

it("keeps every pixel of detail and gives up frames", () => {
  const [slow, full] = encodings("detail", of(2160));
  expect([full?.scaleResolutionDownBy, slow?.scaleResolutionDownBy]).toEqual([1, 1]);
  expect([full?.maxFramerate, slow?.maxFramerate]).toEqual([30, 5]);
});

it("lets layers rest that a smaller camera does not have, and wakes them for a larger one", () => {
  const small = fitted(encodings("motion", of(2160)), encodings("motion", of(720)));
  expect(small.map(({ rid, active, scaleResolutionDownBy }) => [rid, active, scaleResolutionDownBy])).toEqual([["l", true, 2], ["m", false, 2], ["h", true, 1]]);
  expect(fitted(small, encodings("motion", of(2160))).map(({ active }) => active)).toEqual([true, true, true]);
});

it("knows an only layer without its name", () => {
  expect(fitted([{ active: true }], encodings("motion", of(480)))).toEqual([{ active: true, scaleResolutionDownBy: 1, maxBitrate: 2_500_000 }]);
});

it("asks less of every smaller layer", () => {
  expect([720, 1080, 1440, 2160, 4320].map((height) => maxBitrate(of(height)))).toEqual([2.5e6, 4e6, 7e6, 12e6, 12e6]);
  for (const purpose of ["motion", "detail"] as const) {
    const rates = encodings(purpose, of(2160)).map((encoding) => encoding.maxBitrate ?? 0);
    expect(rates).toEqual([...rates].sort((a, b) => a - b));
  }
});
