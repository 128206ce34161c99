/** The one warning worth a teacher's attention now: the worst first. */

import { icon, make } from "../dom";
import { t, type Key } from "../language";
import { isDead, speaks, type Voice } from "./voice";
import type { Kind } from "./media";

export interface Circumstances {
  /** The user ended the sharing of the screen in the browser's own bar. */
  readonly shareEnded: boolean;
  /** The microphone: absent, muted or open. */
  readonly microphone: "none" | "muted" | "open";
  readonly voice: Voice;
  /** Devices that went away while they were needed. */
  readonly missing: ReadonlySet<Kind>;
  /** What holds the encoder back, and for how many readings it has. */
  readonly limited: { readonly by: string; readonly readings: number };
}

/** Ten seconds: every connection begins with little and finds out what the line bears. */
const LIMITED_AFTER_READINGS = 20;

/** What to warn of, or null. */
export function noticeFor({ shareEnded, microphone, voice, missing, limited }: Circumstances): Key | null {
  if (shareEnded) return "shareEnded";
  if (microphone === "muted" && speaks(voice)) return "speakingMuted";
  if (missing.has("video")) return "videoGone";
  if (missing.has("audio")) return "audioGone";
  if (microphone === "open" && isDead(voice)) return "silentMicrophone";
  if (limited.readings < LIMITED_AFTER_READINGS) return null;
  if (limited.by === "cpu") return "limitedByCpu";
  return limited.by === "bandwidth" ? "limitedByLine" : null;
}

/** Shows the warning, or hides its place. */
export function showNotice(element: HTMLElement, key: Key | null): void {
  const words = key === null ? "" : t(key);
  if (element.dataset["shown"] === words) return;
  element.dataset["shown"] = words;
  element.hidden = key === null;
  element.replaceChildren(...(key === null ? [] : [icon("warn"), make("span", "", words)]));
}
