/** Publishing: what a WHIP offer of ours contains. */

import type { Plan } from "./connection";
import { encodings, fit, maxBitrate, sizeOf, type Purpose } from "./publish/encodings";
import { withStartBitrate } from "./sdp";

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

/** The first guess is the most an encoder may use divided by this. */
const START_SHARE = 3;

/** A connection that sends `media`, ready to be opened. */
export function whip({ endpoint, token, media, purpose }: Publication): Plan {
  const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  const start = Math.max(0, ...media.getVideoTracks().map((track) => maxBitrate(sizeOf(track)))) / START_SHARE;
  for (const track of media.getVideoTracks()) {
    track.contentHint = purpose;
    const transceiver = pc.addTransceiver(track, {
      direction: "sendonly",
      streams: [media],
      sendEncodings: encodings(purpose, sizeOf(track)),
    });
    transceiver.setCodecPreferences(preferH264(RTCRtpSender.getCapabilities("video")?.codecs ?? []));
    void fit(transceiver.sender, purpose).catch(() => {
      // A browser without degradation preferences follows contentHint "detail", which asks for the same.
    });
  }
  for (const track of media.getAudioTracks()) pc.addTransceiver(track, { direction: "sendonly", streams: [media] });
  return { pc, endpoint, token, adapt: (answer) => withStartBitrate(answer, start) };
}
