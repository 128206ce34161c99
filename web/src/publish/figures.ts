/** What goes out, in figures and words. */

import { make } from "../dom";
import { t, type Key } from "../language";
import { bitsPerSecond, type Outbound, type Reading } from "../stats";

/** Everything sent between two readings, Mbit/s; null when there is nothing to compare. */
export function sendRate(before: Reading | null, after: Reading): number | null {
  if (!before) return null;
  const total = (reading: Reading) => ({ atMs: reading.atMs, bytes: reading.outbound.reduce((sum, entry) => sum + entry.bytes, 0) });
  return bitsPerSecond(total(before), total(after)) / 1e6;
}

/** The best layer that is being sent, for figures; of two of one size the one with more frames. */
export function videoOf(reading: Reading): Outbound | undefined {
  const layers = reading.outbound.filter((entry) => entry.kind === "video");
  const worth = (layer: Outbound) => (layer.fps > 0 ? layer.width * layer.height * 1_000 + layer.fps : 0);
  return layers.reduce<Outbound | undefined>((best, layer) => (best && worth(best) >= worth(layer) ? best : layer), undefined);
}

/** The live badge's detail: rate, frame rate, size. */
export function summary(rate: number | null, video: Outbound | undefined): string {
  const parts = [
    rate === null ? "" : `${rate.toFixed(1)} Mbit/s`,
    video && video.width > 0 ? `${video.width}×${video.height} · ${Math.round(video.fps)} fps` : "",
  ];
  return parts.filter(Boolean).join(" · ");
}

/** Fills the list of figures below the preview. */
export function showFigures(list: HTMLElement, reading: Reading, rate: number | null): void {
  const video = videoOf(reading);
  const loss = Math.max(0, ...reading.outbound.map((entry) => entry.fractionLost));
  const figures: [Key, string][] = [
    ["statRate", rate === null ? "–" : `${rate.toFixed(2)} Mbit/s`],
    ["statSize", video && video.width > 0 ? `${video.width}×${video.height}` : "–"],
    ["statFps", video ? `${Math.round(video.fps)} fps` : "–"],
    ["statLoss", `${(loss * 100).toFixed(1)} %`],
    ["statRoundTrip", reading.roundTripMs === null ? "–" : `${Math.round(reading.roundTripMs)} ms`],
    ["statCodec", video?.codec || "–"],
  ];
  list.replaceChildren(...figures.map(([key, value]) => {
    const row = make("div", "");
    row.append(make("dt", "", t(key)), make("dd", "", value));
    return row;
  }));
}
