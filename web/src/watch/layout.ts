/** Which slot stands where. */

import type { Slot } from "../whep";
import type { Picture } from "./picture";

export type Layout = "focus" | "sides" | "two-screens";
export type Place = "main" | "small" | "third" | "left" | "right" | "second-screen";

/** A slot that stopped keeps its place this long: the teacher may be reconnecting. */
const KEEPS_PLACE_MS = 30_000;

/** The slots worth a place, the main one first. */
export function visible(pictures: ReadonlyMap<Slot, Picture>, main: Slot, nowMs: number): Slot[] {
  const order: Slot[] = [main, ...[...pictures.keys()].filter((slot) => slot !== main)];
  const shown = (slot: Slot) => pictures.get(slot) ?? { kind: "none" };
  const recent = order.filter((slot) => {
    const picture = shown(slot);
    return picture.kind === "moving" || (picture.kind === "stalled" && nowMs - picture.sinceMs < KEEPS_PLACE_MS);
  });
  // When everything stopped long ago, the last picture is still better than black.
  return recent.length > 0 ? recent : order.filter((slot) => shown(slot).kind === "stalled");
}

const PLACES: Readonly<Record<Layout, readonly Place[]>> = {
  focus: ["main", "small", "third"],
  sides: ["left", "right", "third"],
  "two-screens": ["main", "second-screen", "third"],
};

/** Places for `slots`, the main one first; a slot that is alone takes everything. */
export function places(slots: readonly Slot[], layout: Layout): Map<Slot, Place> {
  const places = slots.length === 1 && layout === "sides" ? PLACES.focus : PLACES[layout];
  return new Map(slots.flatMap((slot, index): [Slot, Place][] => {
    const place = places[index];
    return place ? [[slot, place]] : [];
  }));
}
