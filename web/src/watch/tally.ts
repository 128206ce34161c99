/** What the player counts, over however many connections it takes. */

import type { Playback } from "../events";
import type { Reading } from "../stats";

/** Browsers decode Opus at this rate. */
const SAMPLES_PER_MS = 48;

const NONE: Playback = { freezes: 0, freeze_ms: 0, concealed_ms: 0, frames_decoded: 0, packets_lost: 0 };

/** One connection's counts so far. */
export function counts(reading: Pick<Reading, "inbound">): Playback {
  const sum = (figure: (entry: Reading["inbound"][number]) => number) =>
    Math.max(0, Math.round(reading.inbound.reduce((all, entry) => all + figure(entry), 0)));
  return {
    freezes: sum((entry) => entry.freezes),
    freeze_ms: sum((entry) => entry.freezeMs),
    concealed_ms: sum((entry) => entry.concealedSamples / SAMPLES_PER_MS),
    frames_decoded: sum((entry) => entry.framesDecoded),
    // Lost sound is made up for by other means, and told by what had to be concealed.
    packets_lost: sum((entry) => (entry.kind === "video" ? Math.max(0, entry.lost - entry.repaired) : 0)),
  };
}

export class Tally {
  #connection: Playback = NONE;
  #sum: Playback = NONE;

  get sum(): Playback {
    return this.#sum;
  }

  /** A new connection counts from nought. */
  reconnected(): void {
    this.#connection = NONE;
  }

  /** From here on a new sum is made. */
  restart(): void {
    this.#sum = NONE;
  }

  /** Adds what is new in `reading`. */
  add(reading: Pick<Reading, "inbound">): void {
    const now = counts(reading);
    const added = (name: keyof Playback) => this.#sum[name] + Math.max(0, now[name] - this.#connection[name]);
    this.#sum = {
      freezes: added("freezes"),
      freeze_ms: added("freeze_ms"),
      concealed_ms: added("concealed_ms"),
      frames_decoded: added("frames_decoded"),
      packets_lost: added("packets_lost"),
    };
    // Browsers take back what a retransmission brought: only a new high is a loss for good.
    this.#connection = { ...now, packets_lost: Math.max(now.packets_lost, this.#connection.packets_lost) };
  }
}
