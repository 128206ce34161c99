/** The lesson's sound: one audio element per slot, and what to do when the browser wants a gesture first. */

import type { Slot } from "../whep";

/** "blocked": the browser's autoplay policy waits for somebody to touch the page. */
export type Sound = "on" | "off" | "blocked";

export class Speakers {
  #sound: Sound = "on";
  readonly #elements = new Map<Slot, HTMLAudioElement>();
  readonly #changed: (sound: Sound) => void;

  constructor(changed: (sound: Sound) => void) {
    this.#changed = changed;
  }

  get sound(): Sound {
    return this.#sound;
  }

  /** Plays `track` as the sound of `slot`, in place of what it had. */
  attach(slot: Slot, track: MediaStreamTrack): void {
    const element = this.#elements.get(slot) ?? new Audio();
    this.#elements.set(slot, element);
    element.srcObject = new MediaStream([track]);
    element.muted = this.#sound === "off";
    this.#play(element);
  }

  /** After a click or key: on when it was off or blocked, off otherwise. */
  toggle(): void {
    this.#set(this.#sound === "on" ? "off" : "on");
    for (const element of this.#elements.values()) {
      element.muted = this.#sound === "off";
      if (this.#sound === "on") this.#play(element);
    }
  }

  #play(element: HTMLAudioElement): void {
    element.play().catch((error: unknown) => {
      // AbortError: a newer track took its place before it began.
      if (error instanceof DOMException && error.name === "NotAllowedError" && this.#sound === "on") this.#set("blocked");
    });
  }

  #set(sound: Sound): void {
    if (this.#sound === sound) return;
    this.#sound = sound;
    this.#changed(sound);
  }
}
