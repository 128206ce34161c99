/** Whether somebody speaks, judged from loudness. It guards against the silent failures of a lesson. */

/** What has been heard so far. */
export interface Voice {
  /** Length of the present speech, ms; pauses between words count, longer ones take it down again. */
  readonly speechMs: number;
  /** How long there has been nothing at all: not even the noise every open microphone has. */
  readonly deadMs: number;
}

export const unheard: Voice = { speechMs: 0, deadMs: 0 };

/** Root mean square of full-scale samples: about −40 dBFS is speech at arm's length, −75 dBFS below any live microphone. */
const SPEECH = 0.01;
const DEAD = 0.000_18;
const SPEAKING_AFTER_MS = 500;
const LONGEST_SPEECH_MS = 1_500;
const DEAD_AFTER_MS = 10_000;

/** What has been heard after `elapsedMs` more at loudness `rms`. */
export function hear(voice: Voice, rms: number, elapsedMs: number): Voice {
  const speechMs = rms >= SPEECH ? voice.speechMs + elapsedMs : voice.speechMs - elapsedMs / 2;
  return {
    speechMs: Math.max(0, Math.min(LONGEST_SPEECH_MS, speechMs)),
    deadMs: rms < DEAD ? voice.deadMs + elapsedMs : 0,
  };
}

export const speaks = (voice: Voice) => voice.speechMs >= SPEAKING_AFTER_MS;
export const isDead = (voice: Voice) => voice.deadMs >= DEAD_AFTER_MS;

/** Loudness as a share of the meter, 0 to 1: −60 dBFS to 0 dBFS. */
export function meter(rms: number): number {
  return rms <= 0 ? 0 : Math.max(0, Math.min(1, 1 + Math.log10(rms) / 3));
}
