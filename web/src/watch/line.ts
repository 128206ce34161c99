/** The room's line in one sentence, and the figures behind it. */

import { badge, type Tone } from "../badge";
import { icon, make } from "../dom";
import type { Grade, Line, Shown } from "../events";
import { language, t, type Key } from "../language";

const TONES: Readonly<Record<Grade, Tone>> = { good: "good", fair: "warn", poor: "bad", down: "bad" };
const WORDS: Readonly<Record<Grade, Key>> = { good: "lineGood", fair: "lineFair", poor: "linePoor", down: "lineDown" };
const ICONS: Readonly<Record<Grade, string>> = { good: "line", fair: "warn", poor: "stop", down: "line-off" };
const SLOTS: Readonly<Record<string, Key>> = { camera: "slotCamera", courseware: "slotCourseware" };

/**
 * A good line is a word among the tools. Anything else is a sentence across the picture, large enough for the far end of a classroom.
 */
export function showLine(chip: HTMLElement, banner: HTMLElement, line: Line | null): void {
  chip.hidden = line?.grade !== "good";
  if (line) badge(chip, TONES[line.grade], t(WORDS[line.grade]));
  banner.hidden = !line || line.grade === "good";
  if (!line || line.grade === "good") {
    delete banner.dataset["shown"];
    return banner.replaceChildren();
  }
  const sentence = line.sentence[language()];
  // A number that moves is no news: the words keep their place and size.
  const shown = JSON.stringify([language(), line.grade, line.situation.kind, line.situation.remedy]);
  if (banner.dataset["shown"] === shown) {
    const place = banner.querySelector(".sentence");
    if (place && place.textContent !== sentence) place.textContent = sentence;
    return;
  }
  banner.dataset["shown"] = shown;
  banner.dataset["grade"] = line.grade;
  const words = make("span", "words");
  words.append(icon(ICONS[line.grade]), make("strong", "", t(WORDS[line.grade])), make("span", "sentence", sentence));
  banner.replaceChildren(words);
}

/** A layer in words: what a picture has given up. */
export function layerKey(slot: string, shown: Shown): Key {
  if (shown.shown === "paused") return "layerPaused";
  if (shown.layers <= 1) return "layerOnly";
  const isTop = shown.layer >= shown.layers - 1;
  if (slot === "courseware") return isTop ? "layerEveryFrame" : "layerFewerFrames";
  if (isTop) return "layerBest";
  return shown.layer === 0 ? "layerSmall" : "layerMedium";
}

const mbps = (bps: number) => `${(bps / 1e6).toFixed(bps < 9.95e6 ? 1 : 0)} Mbit/s`;

/** The figures, label and value. Layers are numbered from 1 for people. */
export function figures(line: Line): [string, string][] {
  const { downlink, outages } = line;
  const rows: [Key, string | null][] = [
    ["statLossBefore", downlink ? `${downlink.loss_percent.toFixed(1)} %` : null],
    ["statLossAfter", downlink?.loss_after_repair_percent === undefined ? null : `${downlink.loss_after_repair_percent.toFixed(2)} %`],
    ["statRoundTrip", downlink?.round_trip_ms === undefined ? null : `${downlink.round_trip_ms} ms`],
    ["statJitter", downlink?.jitter_ms === undefined ? null : `${downlink.jitter_ms} ms`],
    ["statRate", downlink ? mbps(downlink.rate_bps) : null],
    ["statEstimate", downlink?.estimate_bps === undefined ? null : mbps(downlink.estimate_bps)],
    ["statOutages", t("times", { n: outages.count, s: (outages.total_ms / 1_000).toFixed(1) })],
  ];
  const layers = (downlink?.slots ?? []).map((slot): [string, string] => {
    const place = slot.shown === "layer" && slot.layers > 1 ? ` (${slot.layer + 1}/${slot.layers})` : "";
    return [t(SLOTS[slot.slot] ?? "slotStage"), `${t(layerKey(slot.slot, slot))}${place}`];
  });
  return [...rows.flatMap(([key, value]): [string, string][] => (value === null ? [] : [[t(key), value]])), ...layers];
}

/** Fills `panel` with the sentence and the figures. */
export function showFigures(panel: HTMLElement, line: Line | null): void {
  if (!line) return panel.replaceChildren();
  const table = make("table", "");
  for (const [label, value] of figures(line)) {
    const row = table.insertRow();
    row.append(make("th", "", label), make("td", "", value));
  }
  panel.replaceChildren(make("p", "", line.sentence[language()]), table);
}
