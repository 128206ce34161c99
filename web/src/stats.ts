/** One flat reading of `RTCPeerConnection.getStats()` (W3C webrtc-stats), and rates between two readings. */

import type { PathSample } from "./liveness";

export interface Inbound {
  readonly kind: "audio" | "video";
  readonly mid: string;
  readonly codec: string;
  readonly bytes: number;
  readonly packets: number;
  /** Packets that did not come by themselves. Chromium does not take back those that came over RTX; see `repaired`. */
  readonly lost: number;
  /** Packets that came over RTX (RFC 4588). */
  readonly repaired: number;
  /** RFC 3550 jitter, ms. */
  readonly jitterMs: number;
  readonly framesDecoded: number;
  readonly freezes: number;
  readonly freezeMs: number;
  readonly keyframeRequests: number;
  /** Sum over all emitted frames or samples of the time spent in the jitter buffer, ms, and their number. */
  readonly bufferedMs: number;
  readonly emitted: number;
  readonly concealedSamples: number;
  readonly width: number;
  readonly height: number;
  readonly fps: number;
}

export interface Outbound {
  readonly kind: "audio" | "video";
  readonly codec: string;
  readonly encoder: string;
  readonly bytes: number;
  readonly packets: number;
  readonly framesEncoded: number;
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  /** What holds the quality back: "none", "cpu", "bandwidth" or "other". */
  readonly limitedBy: string;
  /** Share of packets the relay reported lost in its last report, 0 to 1. */
  readonly fractionLost: number;
}

export interface Reading {
  readonly atMs: number;
  readonly path: PathSample | null;
  /** Round-trip time of connectivity checks, ms. */
  readonly roundTripMs: number | null;
  readonly srtp: string | null;
  readonly inbound: readonly Inbound[];
  readonly outbound: readonly Outbound[];
}

/** What is read off any entry; everything may be missing, depending on browser and moment. */
interface Entry {
  readonly id?: string;
  readonly type?: string;
  readonly [name: string]: unknown;
}

const number = (entry: Entry | undefined, name: string): number => {
  const value = entry?.[name];
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
};
const text = (entry: Entry | undefined, name: string): string => {
  const value = entry?.[name];
  return typeof value === "string" ? value : "";
};
const kindOf = (entry: Entry) => (text(entry, "kind") === "audio" ? "audio" : "video");

/** Reads a statistics report; `atMs` is a monotonic clock. */
export function read(report: Iterable<readonly [string, Entry]>, atMs: number): Reading {
  const entries = new Map(report);
  const all = [...entries.values()];
  const codec = (entry: Entry) => text(entries.get(text(entry, "codecId")), "mimeType").replace(/^(audio|video)\//, "");
  const transport = all.find((entry) => entry.type === "transport");
  const pair = entries.get(text(transport, "selectedCandidatePairId"))
    ?? all.find((entry) => entry.type === "candidate-pair" && entry["nominated"] === true);
  const remote = all.filter((entry) => entry.type === "remote-inbound-rtp");
  return {
    atMs,
    path: pair
      ? {
          atMs,
          packets: number(pair, "packetsReceived"),
          requests: number(pair, "requestsSent") + number(pair, "consentRequestsSent"),
          responses: number(pair, "responsesReceived"),
        }
      : null,
    roundTripMs: pair && typeof pair["currentRoundTripTime"] === "number" ? number(pair, "currentRoundTripTime") * 1_000 : null,
    srtp: text(transport, "srtpCipher") || null,
    inbound: all.filter((entry) => entry.type === "inbound-rtp").map((entry) => ({
      kind: kindOf(entry),
      mid: text(entry, "mid"),
      codec: codec(entry),
      bytes: number(entry, "bytesReceived") + number(entry, "headerBytesReceived"),
      packets: number(entry, "packetsReceived"),
      lost: number(entry, "packetsLost"),
      repaired: number(entry, "retransmittedPacketsReceived"),
      jitterMs: number(entry, "jitter") * 1_000,
      framesDecoded: number(entry, "framesDecoded"),
      freezes: number(entry, "freezeCount"),
      freezeMs: number(entry, "totalFreezesDuration") * 1_000,
      keyframeRequests: number(entry, "pliCount") + number(entry, "firCount"),
      bufferedMs: number(entry, "jitterBufferDelay") * 1_000,
      emitted: number(entry, "jitterBufferEmittedCount"),
      concealedSamples: number(entry, "concealedSamples"),
      width: number(entry, "frameWidth"),
      height: number(entry, "frameHeight"),
      fps: number(entry, "framesPerSecond"),
    })),
    outbound: all.filter((entry) => entry.type === "outbound-rtp").map((entry) => ({
      kind: kindOf(entry),
      codec: codec(entry),
      encoder: text(entry, "encoderImplementation"),
      bytes: number(entry, "bytesSent") + number(entry, "headerBytesSent"),
      packets: number(entry, "packetsSent"),
      framesEncoded: number(entry, "framesEncoded"),
      width: number(entry, "frameWidth"),
      height: number(entry, "frameHeight"),
      fps: number(entry, "framesPerSecond"),
      limitedBy: text(entry, "qualityLimitationReason") || "none",
      fractionLost: number(remote.find((r) => text(r, "localId") === entry.id), "fractionLost"),
    })),
  };
}

/** Bits per second between two readings' byte counts; 0 when a counter started again. */
export function bitsPerSecond(before: { bytes: number; atMs: number }, after: { bytes: number; atMs: number }): number {
  const seconds = (after.atMs - before.atMs) / 1_000;
  return seconds > 0 && after.bytes >= before.bytes ? ((after.bytes - before.bytes) * 8) / seconds : 0;
}

/** Mean time in the jitter buffer between two readings, ms; null when nothing was emitted. */
export function bufferMs(before: Inbound, after: Inbound): number | null {
  const emitted = after.emitted - before.emitted;
  return emitted > 0 ? (after.bufferedMs - before.bufferedMs) / emitted : null;
}
