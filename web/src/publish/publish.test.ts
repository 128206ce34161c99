import { expect, it } from "vitest";
import { attempts } from "./capture";
import { noticeFor, type Circumstances } from "./notice";
import { hear, isDead, meter, speaks, unheard } from "./voice";

const listen = (rms: number, ms: number, from = unheard) =>
  Array.from({ length: ms / 100 }).reduce<typeof unheard>((voice) => hear(voice, rms, 100), from);

it("takes half a second of loudness for speech, and a cough for none", () => {
  expect(speaks(listen(0.05, 300))).toBe(false);
  expect(speaks(listen(0.05, 500))).toBe(true);
  expect(speaks(listen(0.002, 60_000))).toBe(false);
});

it("bears a pause between words, and ends with the speech", () => {
  const spoken = listen(0.05, 3_000);
  expect(speaks(listen(0.002, 500, spoken))).toBe(true);
  expect(speaks(listen(0.002, 3_000, spoken))).toBe(false);
});

it("takes ten seconds of nothing for a dead microphone, and a quiet room for a live one", () => {
  expect(isDead(listen(0, 9_900))).toBe(false);
  expect(isDead(listen(0, 10_000))).toBe(true);
  expect(isDead(listen(0.0005, 60_000))).toBe(false);
  expect(isDead(hear(listen(0, 20_000), 0.001, 100))).toBe(false);
});

it("shows -60 to 0 dBFS on the meter", () => {
  expect(meter(0)).toBe(0);
  expect(meter(0.0001)).toBe(0);
  expect(meter(1)).toBe(1);
  expect(meter(0.0316)).toBeCloseTo(0.5, 2);
});

it("tries smaller pictures down to anything", () => {
  expect(attempts(2160).map((size) => (size.height as { ideal?: number } | undefined)?.ideal)).toEqual([2160, 1080, 720, undefined]);
  expect(attempts(720)).toHaveLength(2);
});

it("warns of the worst first, and of a slow line only when it lasts", () => {
  const calm: Circumstances = { shareEnded: false, microphone: "open", voice: unheard, missing: new Set(), limited: { by: "none", readings: 99 } };
  const speech = listen(0.05, 1_000);
  expect(noticeFor(calm)).toBeNull();
  expect(noticeFor({ ...calm, voice: speech })).toBeNull();
  expect(noticeFor({ ...calm, microphone: "muted", voice: speech, missing: new Set(["video"]) })).toBe("speakingMuted");
  expect(noticeFor({ ...calm, missing: new Set(["audio"]) })).toBe("audioGone");
  expect(noticeFor({ ...calm, voice: listen(0, 10_000) })).toBe("silentMicrophone");
  expect(noticeFor({ ...calm, microphone: "muted", voice: listen(0, 10_000) })).toBeNull();
  expect(noticeFor({ ...calm, limited: { by: "bandwidth", readings: 19 } })).toBeNull();
  expect(noticeFor({ ...calm, limited: { by: "bandwidth", readings: 20 } })).toBe("limitedByLine");
});
