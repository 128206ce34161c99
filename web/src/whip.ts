/** Publishing: what a WHIP offer of ours contains. */

import type { Plan } from "./connection";
import { withStartBitrate } from "./sdp";

/** What a publication is made for decides what gives way when the line is short. */
export type Purpose = "motion" | "detail";

export interface Publication {
  readonly endpoint: string;
  readonly token: string | null;
  readonly media: MediaStream;
  readonly purpose: Purpose;
}

/** A codec as in `RTCRtpCodec`, as far as ordering it needs. */
interface Codec {
  readonly mimeType: string;
  readonly sdpFmtpLine?: string;
}

/**
 * Codecs in the order we want them: H.264 with packetization-mode 1 (RFC 6184 §6.3; without it a slice must fit into a
 * packet), then other H.264, then the rest as the browser had them.
 */
export function preferH264<C extends Codec>(codecs: readonly C[]): C[] {
  const rank = (codec: C) => {
    if (codec.mimeType.toLowerCase() !== "video/h264") return 2;
    return codec.sdpFmtpLine?.includes("packetization-mode=1") ? 0 : 1;
  };
  return [...codecs].sort((a, b) => rank(a) - rank(b));
}

/** What the encoder may use at most, bit/s. Without it browsers stop at 2.5 Mbit/s whatever the size. */
export function maxBitrate(height: number): number {
  if (height >= 2160) return 20_000_000;
  if (height >= 1440) return 10_000_000;
  if (height >= 1080) return 6_000_000;
  return 3_000_000;
}

/** The first guess is the most an encoder may use divided by this. */
const START_SHARE = 3;

/** A connection that sends `media`, ready to be opened. */
export function whip({ endpoint, token, media, purpose }: Publication): Plan {
  const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  const heights = media.getVideoTracks().map((track) => track.getSettings().height ?? 1080);
  const start = maxBitrate(Math.max(0, ...heights)) / START_SHARE;
  for (const track of media.getVideoTracks()) {
    track.contentHint = purpose;
    const height = track.getSettings().height ?? 1080;
    const transceiver = pc.addTransceiver(track, {
      direction: "sendonly",
      streams: [media],
      sendEncodings: [{ maxBitrate: maxBitrate(height) }],
    });
    transceiver.setCodecPreferences(preferH264(RTCRtpSender.getCapabilities("video")?.codecs ?? []));
    void keepSize(transceiver.sender, purpose);
  }
  for (const track of media.getAudioTracks()) pc.addTransceiver(track, { direction: "sendonly", streams: [media] });
  return { pc, endpoint, token, adapt: (answer) => withStartBitrate(answer, start) };
}

/** Courseware gives up frame rate, never sharpness. */
async function keepSize(sender: RTCRtpSender, purpose: Purpose): Promise<void> {
  if (purpose !== "detail") return;
  // In webrtc-extensions, not yet in every browser nor in TypeScript's library.
  const parameters: RTCRtpSendParameters & { degradationPreference?: string } = sender.getParameters();
  parameters.degradationPreference = "maintain-resolution";
  await sender.setParameters(parameters).catch(() => {
    // A browser without it follows contentHint "detail", which asks for the same.
  });
}
