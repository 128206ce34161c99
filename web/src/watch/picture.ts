/** What a slot shows, judged from the frames it decodes, and what the whole page says. */

import type { Failure, State } from "../reconnect";

/** A slot's picture. Times are those of the readings, ms. */
export type Picture =
  | { readonly kind: "none" }
  | { readonly kind: "moving"; readonly frames: number; readonly atMs: number }
  | { readonly kind: "stalled"; readonly frames: number; readonly sinceMs: number };

/** Browsers repeat a still screen about once a second, so this is silence. */
const STALLED_AFTER_MS = 4_000;

/** The picture after a reading of `frames` decoded in all. */
export function observe(picture: Picture, frames: number, atMs: number): Picture {
  if (picture.kind === "none") return frames > 0 ? { kind: "moving", frames, atMs } : picture;
  // Fewer than before: a counter began again, which is movement, too.
  if (frames > 0 && frames !== picture.frames) return { kind: "moving", frames, atMs };
  if (picture.kind === "moving" && atMs - picture.atMs >= STALLED_AFTER_MS) {
    return { kind: "stalled", frames: picture.frames, sinceMs: atMs };
  }
  return picture;
}

/** The picture when the connection is lost: what was there stays, standing still. */
export function interrupt(picture: Picture, atMs: number): Picture {
  if (picture.kind === "none") return picture;
  return { kind: "stalled", frames: 0, sinceMs: picture.kind === "stalled" ? picture.sinceMs : atMs };
}

export type View =
  | { readonly kind: "connecting" }
  /** Connected; nobody publishes yet. */
  | { readonly kind: "waiting" }
  | { readonly kind: "live" }
  /** Connected; what was there stopped. */
  | { readonly kind: "stalled" }
  | { readonly kind: "reconnecting"; readonly failure: Failure; readonly attempt: number }
  | { readonly kind: "refused"; readonly failure: Failure };

/** What the page says. */
export function view(state: State, pictures: Iterable<Picture>): View {
  switch (state.kind) {
    case "idle":
      return { kind: "connecting" };
    case "connecting":
      return state.after && state.attempt > 0
        ? { kind: "reconnecting", failure: state.after, attempt: state.attempt }
        : { kind: "connecting" };
    case "waiting":
      return { kind: "reconnecting", failure: state.failure, attempt: state.attempt };
    case "refused":
      return state;
    case "live": {
      const kinds = new Set([...pictures].map((picture) => picture.kind));
      return { kind: kinds.has("moving") ? "live" : kinds.has("stalled") ? "stalled" : "waiting" };
    }
  }
}
