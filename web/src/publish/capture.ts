/** Getting picture and sound from the browser. */

/** What the picture is taken from; an empty `camera` leaves the choice to the browser. */
export type Picture = { readonly kind: "camera"; readonly camera: string } | { readonly kind: "screen" };

/** What to capture. `microphone` null means none, empty leaves the choice to the browser; `height` is what to try first. */
export interface Wish {
  readonly picture: Picture;
  readonly microphone: string | null;
  readonly height: number;
}

const LADDER = [2160, 1080, 720];

/**
 * Picture constraints to try one after the other: the wanted size at full motion first, smaller ones next, anything
 * at last. Some cameras announce 4K at a few frames a second only, or fail when it is opened.
 */
export function attempts(height: number): MediaTrackConstraints[] {
  const sizes = LADDER.filter((rung) => rung <= height);
  return [
    ...sizes.map((rung) => ({
      width: { ideal: (rung * 16) / 9 },
      height: { ideal: rung },
      frameRate: { ideal: 30, min: 20 },
    })),
    {},
  ];
}

const device = (id: string): MediaTrackConstraints => (id ? { deviceId: { exact: id } } : {});

/** Errors after which a smaller picture may work (W3C mediacapture-main §10.2). */
const mayFitSmaller = (error: unknown) =>
  error instanceof DOMException && ["OverconstrainedError", "NotReadableError", "AbortError"].includes(error.name);

const microphone = (id: string): MediaTrackConstraints =>
  ({ ...device(id), echoCancellation: true, noiseSuppression: true, autoGainControl: true });

async function fromCamera(camera: string, sound: MediaTrackConstraints | false, height: number): Promise<MediaStream> {
  let last: unknown;
  for (const size of attempts(height)) {
    try {
      return await navigator.mediaDevices.getUserMedia({ video: { ...device(camera), ...size }, audio: sound });
    } catch (error) {
      if (!mayFitSmaller(error)) throw error;
      last = error;
    }
  }
  throw last;
}

/** Opens what is wished for; throws the browser's `DOMException`. */
export async function capture(wish: Wish): Promise<MediaStream> {
  if (!navigator.mediaDevices) throw new DOMException("no media devices outside a secure context", "SecurityError");
  const sound = wish.microphone === null ? false : microphone(wish.microphone);
  if (wish.picture.kind === "camera") return fromCamera(wish.picture.camera, sound, wish.height);
  const media = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 30 } }, audio: false });
  if (sound) {
    try {
      const voice = await navigator.mediaDevices.getUserMedia({ audio: sound });
      for (const track of voice.getAudioTracks()) media.addTrack(track);
    } catch (error) {
      for (const track of media.getTracks()) track.stop();
      throw error;
    }
  }
  return media;
}

/** Fills a device selection, keeping what was chosen; `unnamed` names devices before permission was given. */
export function fillDevices(
  select: HTMLSelectElement,
  devices: readonly MediaDeviceInfo[],
  unnamed: (n: number) => string,
  none: string | null,
): void {
  const chosen = select.value;
  const options = devices.map((entry, index) => new Option(entry.label || unnamed(index + 1), entry.deviceId));
  if (none !== null) options.push(new Option(none, "none"));
  select.replaceChildren(...options);
  if (options.some((option) => option.value === chosen)) select.value = chosen;
}
