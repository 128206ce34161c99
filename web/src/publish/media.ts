/** The tracks that are published now: they may be exchanged, muted or lost while the connection goes on. */

import { capture, type Wish } from "./capture";

export type Kind = "video" | "audio";

export class Media {
  #wish: Wish | null = null;
  readonly #tracks = new Map<Kind, MediaStreamTrack>();
  #muted = false;
  /** Ends when everything asked for so far has been opened or has failed. */
  #opening: Promise<void> = Promise.resolve();
  #waiting = 0;
  readonly #changed: (kind: Kind) => void;
  readonly #ended: (kind: Kind) => void;

  /** `changed`: a track was exchanged. `ended`: a device went away, or the sharing of a screen was ended. */
  constructor(changed: (kind: Kind) => void, ended: (kind: Kind) => void) {
    this.#changed = changed;
    this.#ended = ended;
  }

  track(kind: Kind): MediaStreamTrack | undefined {
    return this.#tracks.get(kind);
  }

  get muted(): boolean {
    return this.#muted;
  }

  set muted(muted: boolean) {
    this.#muted = muted;
    const voice = this.#tracks.get("audio");
    if (voice) voice.enabled = !muted;
  }

  /** Whether anything is captured, or about to be. */
  get wanted(): boolean {
    return this.#waiting > 0 || this.#tracks.size > 0;
  }

  /** Resolves when nothing is being opened. */
  get settled(): Promise<void> {
    return this.#opening;
  }

  /** What a new connection is to send. */
  get sendable(): MediaStream {
    return new MediaStream([...this.#tracks.values()].filter((track) => track.readyState === "live"));
  }

  /**
   * Captures `wish` in place of what there was; on failure what there was stays. One at a time, in the order asked for:
   * devices refuse to be opened twice, and the last wish is the one that counts.
   */
  open(wish: Wish): Promise<void> {
    this.#waiting += 1;
    const opened = this.#opening.then(() => this.#open(wish)).finally(() => { this.#waiting -= 1; });
    this.#opening = opened.catch(() => undefined);
    return opened;
  }

  async #open(wish: Wish): Promise<void> {
    const media = await capture(wish);
    this.#wish = wish;
    this.#take("video", media.getVideoTracks()[0]);
    this.#take("audio", media.getAudioTracks()[0]);
  }

  /** Tries to have lost devices back; true when nothing is missing any more. */
  async recover(): Promise<boolean> {
    if (!this.#wish || this.#wish.picture.kind === "screen") return false;
    try {
      await this.open(this.#wish);
      return true;
    } catch {
      return false;
    }
  }

  close(): void {
    this.#wish = null;
    this.#take("video", undefined);
    this.#take("audio", undefined);
  }

  #take(kind: Kind, track: MediaStreamTrack | undefined): void {
    const old = this.#tracks.get(kind);
    if (old === track) return;
    old?.stop();
    if (track) {
      this.#tracks.set(kind, track);
      if (kind === "audio") track.enabled = !this.#muted;
      // Not called when stopped from here, only when the device or its owner does.
      track.addEventListener("ended", () => {
        if (this.#tracks.get(kind) === track) this.#ended(kind);
      });
    } else {
      this.#tracks.delete(kind);
    }
    this.#changed(kind);
  }
}
