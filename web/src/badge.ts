/** A state as colour, icon and word: none of the three alone reaches everybody. */

import { icon } from "./dom";

export type Tone = "quiet" | "busy" | "good" | "warn" | "bad";

const ICONS: Readonly<Record<Tone, string>> = { quiet: "circle", busy: "turn", good: "live", warn: "warn", bad: "stop" };

/** Shows a state in `element`; `more` is a measured detail such as a rate. */
export function badge(element: HTMLElement, tone: Tone, word: string, more = ""): void {
  // Repainting twice a second would restart the icon's animation and make screen readers repeat themselves.
  const shown = `${tone}|${word}|${more}`;
  if (element.dataset["shown"] === shown) return;
  element.dataset["shown"] = shown;
  element.dataset["tone"] = tone;
  const label = document.createElement("strong");
  label.textContent = word;
  const detail = document.createElement("span");
  detail.textContent = more;
  const sameTone = element.querySelector("svg")?.dataset["name"] === ICONS[tone];
  const mark = sameTone ? element.querySelector("svg") : icon(ICONS[tone]);
  if (mark) mark.dataset["name"] = ICONS[tone];
  element.replaceChildren(...(mark ? [mark] : []), label, ...(more ? [detail] : []));
}
