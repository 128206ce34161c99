/** A window for the room's second screen. It has no connection of its own: it shows a picture this page receives. */

import { tag } from "../language";

export class SecondScreen {
  #window: Window | null = null;

  /** Whether the window is there; its user may have closed it. */
  get open(): boolean {
    return this.#window !== null && !this.#window.closed;
  }

  /** Opens the window; false when the browser blocked it. Needs a gesture. */
  start(): boolean {
    this.#window = window.open(`./second.html?lang=${tag()}`, "lectern-second", "popup,width=1280,height=720");
    return this.#window !== null;
  }

  stop(): void {
    this.#window?.close();
    this.#window = null;
  }

  /** Shows `picture` there, once its document has loaded; call it again at leisure. */
  show(picture: MediaProvider | null): void {
    if (!this.#window || this.#window.closed) return;
    // Elements of another window are of that window's classes, so no instanceof here.
    const video = this.#window.document.getElementById("picture") as HTMLVideoElement | null;
    if (video && video.srcObject !== picture) video.srcObject = picture;
  }
}
