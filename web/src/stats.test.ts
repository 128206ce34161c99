import { expect, it } from "vitest";
import { bitsPerSecond, bufferMs, read } from "./stats";
import { lossPercent } from "./watch/numbers";

const report = new Map<string, Record<string, unknown>>([
  ["T", { id: "T", type: "transport", selectedCandidatePairId: "P", srtpCipher: "AEAD_AES_128_GCM" }],
  ["Q", { id: "Q", type: "candidate-pair", nominated: true, packetsReceived: 1, responsesReceived: 1 }],
  ["P", { id: "P", type: "candidate-pair", packetsReceived: 500, requestsSent: 2, consentRequestsSent: 5, responsesReceived: 6, currentRoundTripTime: 0.012 }],
  ["C", { id: "C", type: "codec", mimeType: "video/H264" }],
  ["I", { id: "I", type: "inbound-rtp", kind: "video", mid: "1", codecId: "C", bytesReceived: 900, headerBytesReceived: 100, packetsReceived: 99, packetsLost: 1, jitter: 0.004, framesDecoded: 30, freezeCount: 2, totalFreezesDuration: 0.5, jitterBufferDelay: 3, jitterBufferEmittedCount: 30 }],
  ["O", { id: "O", type: "outbound-rtp", kind: "video", codecId: "C", bytesSent: 5, qualityLimitationReason: "cpu" }],
  ["R", { id: "R", type: "remote-inbound-rtp", localId: "O", fractionLost: 0.25 }],
]);

it("reads the selected pair, not any nominated one", () => {
  const reading = read(report, 1_000);
  expect(reading.path).toEqual({ atMs: 1_000, packets: 500, requests: 7, responses: 6 });
  expect(reading.roundTripMs).toBe(12);
  expect(reading.srtp).toBe("AEAD_AES_128_GCM");
});

it("falls back to the nominated pair where there is no transport entry", () => {
  const without = new Map([...report].filter(([id]) => id !== "T"));
  expect(read(without, 0).path?.packets).toBe(1);
});

it("flattens what comes in and goes out", () => {
  const { inbound, outbound } = read(report, 0);
  expect(inbound).toMatchObject([{ kind: "video", mid: "1", codec: "H264", bytes: 1_000, lost: 1, jitterMs: 4, framesDecoded: 30, freezes: 2, freezeMs: 500 }]);
  expect(outbound).toMatchObject([{ codec: "H264", limitedBy: "cpu", fractionLost: 0.25 }]);
});

it("makes do with an empty report", () => {
  expect(read(new Map(), 5)).toEqual({ atMs: 5, path: null, roundTripMs: null, srtp: null, inbound: [], outbound: [] });
});

it("computes rates between readings", () => {
  expect(bitsPerSecond({ bytes: 1_000, atMs: 0 }, { bytes: 2_000, atMs: 500 })).toBe(16_000);
  expect(bitsPerSecond({ bytes: 9_000, atMs: 0 }, { bytes: 10, atMs: 500 })).toBe(0);
  expect(bitsPerSecond({ bytes: 0, atMs: 5 }, { bytes: 10, atMs: 5 })).toBe(0);
  const [entry] = read(report, 0).inbound;
  if (!entry) throw new Error("no entry");
  const later = { ...entry, packets: 199, lost: 1, emitted: 60, bufferedMs: entry.bufferedMs + 1_500 };
  expect(bufferMs(entry, later)).toBe(50);
  expect(bufferMs(entry, entry)).toBeNull();
  expect(lossPercent(entry, later)).toBe(0);
  expect(lossPercent(undefined, entry)).toBe(1);
  expect(lossPercent(entry, entry)).toBeNull();
});
