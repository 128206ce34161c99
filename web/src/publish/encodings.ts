/** The layers a picture is published in: the relay gives every room the best one its own line carries. */

/** What a publication is made for decides what gives way when the line is short. */
export type Purpose = "motion" | "detail";

/** The size of what is captured, in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** What a track is taken for that does not say its size. */
const USUAL: Size = { width: 1920, height: 1080 };

/** The size of what the track captures now. */
export function sizeOf(track: MediaStreamTrack): Size {
  const { width, height } = track.getSettings();
  return width && height ? { width, height } : USUAL;
}

/** What the full size may use at most, bit/s. Without it browsers stop at 2.5 Mbit/s whatever the size. */
export function maxBitrate({ width, height }: Size): number {
  const pixels = width * height;
  if (pixels >= 3840 * 2160) return 12_000_000;
  if (pixels >= 2560 * 1440) return 7_000_000;
  if (pixels >= 1920 * 1080) return 4_000_000;
  return 2_500_000;
}

/** The name of the layer that has every pixel and frame. */
const FULL = "h";
/** From this height on there is a layer between the full size and the smallest. */
const MIDDLE_FROM = 1_440;
/** The smallest layer is about this high; what is less than half as high again has no smaller one. */
const SMALLEST = 360;

/**
 * The layers, the smallest first: what comes last is the best one to libwebrtc, which pads towards it. Moving pictures come in
 * up to three sizes. Detail keeps its size, for letters that cannot be read are worth nothing, and gives up frames.
 */
export function encodings(purpose: Purpose, size: Size): RTCRtpEncodingParameters[] {
  const full = { rid: FULL, scaleResolutionDownBy: 1, maxBitrate: maxBitrate(size) };
  if (purpose === "detail") {
    // Without a limit of its own the full layer gets the other one's.
    return [{ ...full, rid: "l", maxBitrate: 600_000, maxFramerate: 5 }, { ...full, maxFramerate: 30 }];
  }
  const { height } = size;
  return [
    // Whole numbers: encoders crop the source until every layer is even.
    ...(height >= SMALLEST * 1.5 ? [{ rid: "l", scaleResolutionDownBy: Math.round(height / SMALLEST), maxBitrate: 350_000 }] : []),
    ...(height >= MIDDLE_FROM ? [{ rid: "m", scaleResolutionDownBy: 2, maxBitrate: 2_500_000 }] : []),
    full,
  ];
}

/** Makes a sender's layers fit what it sends now. Rejects when the sender has been stopped. */
export async function fit(sender: RTCRtpSender, purpose: Purpose): Promise<void> {
  const { track } = sender;
  if (!track) return;
  // The preference is in webrtc-extensions, not yet in every browser nor in TypeScript's library.
  const parameters: RTCRtpSendParameters & { degradationPreference?: string } = sender.getParameters();
  parameters.encodings = fitted(parameters.encodings, encodings(purpose, sizeOf(track)));
  if (purpose === "detail") parameters.degradationPreference = "maintain-resolution";
  await sender.setParameters(parameters);
}

/** `present` as `wanted` has them: a sender's layers are named once and for all, and one that is too many for a picture rests. */
export function fitted(present: readonly RTCRtpEncodingParameters[], wanted: readonly RTCRtpEncodingParameters[]): RTCRtpEncodingParameters[] {
  return present.map((encoding) => {
    // Browsers forget the name of an only layer, and refuse to be told it.
    const { rid: name, ...fitting } = wanted.find(({ rid }) => rid === (encoding.rid ?? FULL)) ?? { active: false };
    return { ...encoding, active: true, ...fitting };
  });
}
