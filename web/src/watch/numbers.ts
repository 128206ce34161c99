/** The statistics overlay: one column per slot that receives, one row per figure. */

import { make } from "../dom";
import { t, type Key } from "../language";
import { bitsPerSecond, bufferMs, type Inbound, type Reading } from "../stats";
import type { Slot } from "../whep";

const NAMES: Readonly<Record<Slot, Key>> = { camera: "slotCamera", courseware: "slotCourseware", "stage-1": "slotStage" };

/** Share of packets lost between two readings, in percent; null when none were due. */
export function lossPercent(before: Inbound | undefined, after: Inbound): number | null {
  const lost = after.lost - (before?.lost ?? 0);
  const received = after.packets - (before?.packets ?? 0);
  const due = lost + received;
  return due > 0 && lost >= 0 ? (100 * lost) / due : null;
}

type Row = readonly [Key, (after: Inbound, before: Inbound | undefined) => string];

const none = "–";
const rounded = (value: number | null, digits: number, unit: string) => (value === null ? none : `${value.toFixed(digits)} ${unit}`);
const ofVideo = (entry: Inbound, text: string) => (entry.kind === "video" ? text : none);

function rows(before: Reading, after: Reading): Row[] {
  const timed = (entry: Inbound, reading: Reading) => ({ bytes: entry.bytes, atMs: reading.atMs });
  return [
    ["statCodec", (now) => now.codec || none],
    ["statRate", (now, then) => then ? rounded(bitsPerSecond(timed(then, before), timed(now, after)) / 1e6, 2, "Mbit/s") : none],
    ["statLoss", (now, then) => rounded(lossPercent(then, now), 2, `% (${now.lost})`)],
    ["statJitter", (now) => rounded(now.jitterMs, 1, "ms")],
    ["statBuffer", (now, then) => (then ? rounded(bufferMs(then, now), 0, "ms") : none)],
    ["statSize", (now) => ofVideo(now, `${now.width}×${now.height}`)],
    ["statFps", (now) => ofVideo(now, String(Math.round(now.fps)))],
    ["statFrames", (now) => ofVideo(now, String(now.framesDecoded))],
    ["statFreezes", (now) => ofVideo(now, t("times", { n: now.freezes, s: (now.freezeMs / 1000).toFixed(1) }))],
  ];
}

/** Fills `panel` with what happened between two readings. `slots` maps m-line ids to slots. */
export function showNumbers(panel: HTMLElement, before: Reading, after: Reading, slots: ReadonlyMap<string, Slot>): void {
  const columns = after.inbound.filter((entry) => entry.packets > 0 && slots.has(entry.mid));
  const table = make("table", "");
  const head = table.createTHead().insertRow();
  head.append(make("th", ""));
  for (const entry of columns) {
    const slot = slots.get(entry.mid);
    head.append(make("th", "", `${slot ? t(NAMES[slot]) : ""}${entry.kind === "audio" ? ` · ${t("sound")}` : ""}`));
  }
  const body = table.createTBody();
  for (const [key, figure] of rows(before, after)) {
    const row = body.insertRow();
    row.append(make("th", "", t(key)));
    for (const entry of columns) {
      row.append(make("td", "", figure(entry, before.inbound.find((old) => old.mid === entry.mid && old.kind === entry.kind))));
    }
  }
  for (const [key, text] of [
    ["statRoundTrip", rounded(after.roundTripMs, 1, "ms")],
    ["statEncryption", after.srtp ?? none],
  ] as const) {
    const row = body.insertRow();
    const cell = make("td", "", text);
    cell.colSpan = Math.max(1, columns.length);
    row.append(make("th", "", t(key)), cell);
  }
  panel.replaceChildren(table);
}
