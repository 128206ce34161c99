/**
 * Whether the way to the relay still works, judged from the selected candidate pair.
 *
 * A publisher that leaves silences the media, not the path: the relay goes on answering connectivity checks
 * (RFC 7675). Chromium sends one only every 2.5 s on a settled pair, so silence after media is first put to the
 * relay over HTTP ("ask"), which knows within a round trip whether the session still exists.
 */

/** One reading of the candidate pair; counters as in `RTCIceCandidatePairStats`. */
export interface PathSample {
  readonly atMs: number;
  /** Packets of media and RTCP received. */
  readonly packets: number;
  /** Connectivity checks sent, consent checks included. */
  readonly requests: number;
  /** Answers received. */
  readonly responses: number;
}

export type Verdict = "alive" | "ask" | "dead";

/** What is remembered between samples. */
export interface Hearing {
  /** The last sample in which anything new had been heard. */
  readonly last: PathSample;
  /** Whether media or RTCP had arrived since the silence before. */
  readonly flowing: boolean;
}

const ASK_AFTER_MS = 1_200;
const DEAD_AFTER_MS = 2_000;
const DEAD_AFTER_CHECKS = 2;

/** Judges a sample. Start with `hearing = null`. */
export function judge(hearing: Hearing | null, sample: PathSample): { hearing: Hearing; verdict: Verdict } {
  const last = hearing?.last;
  // A new pair (another network interface) starts its counters again: that is news, too.
  if (!hearing || !last || sample.packets !== last.packets || sample.responses !== last.responses) {
    const flowing = last !== undefined && sample.packets !== last.packets;
    return { hearing: { last: sample, flowing }, verdict: "alive" };
  }
  const silentMs = sample.atMs - last.atMs;
  if (silentMs >= DEAD_AFTER_MS && sample.requests - last.requests >= DEAD_AFTER_CHECKS) {
    return { hearing, verdict: "dead" };
  }
  return { hearing, verdict: hearing.flowing && silentMs >= ASK_AFTER_MS ? "ask" : "alive" };
}

/** The relay says the session is there: do not ask again before media has flowed again. */
export function reassured(hearing: Hearing): Hearing {
  return { ...hearing, flowing: false };
}
