/** Listens to the microphone on this machine, muted or not, and says how loud it is. */

import { hear, unheard, type Voice } from "./voice";

const EVERY_MS = 100;

export class Ear {
  #end = new AbortController();

  /** Listens to a copy of `track` in place of what it listened to; `heard` is called ten times a second. */
  listen(track: MediaStreamTrack | undefined, heard: (voice: Voice, rms: number) => void): void {
    this.#end.abort();
    this.#end = new AbortController();
    if (!track) return;
    // A muted track is silence to everybody, so a copy that is never sent is listened to.
    const copy = track.clone();
    copy.enabled = true;
    const audio = new AudioContext();
    const analyser = audio.createAnalyser();
    analyser.fftSize = 4096;
    audio.createMediaStreamSource(new MediaStream([copy])).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let voice = unheard;
    const timer = setInterval(() => {
      // Until a gesture lets it run it hears nothing, which would look like a dead microphone.
      if (audio.state !== "running") return void audio.resume();
      analyser.getFloatTimeDomainData(samples);
      const rms = Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
      voice = hear(voice, rms, EVERY_MS);
      heard(voice, rms);
    }, EVERY_MS);
    this.#end.signal.addEventListener("abort", () => {
      clearInterval(timer);
      copy.stop();
      void audio.close();
    });
  }
}
