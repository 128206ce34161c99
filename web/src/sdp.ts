/** The one thing in SDP that browsers offer no call for. */

/**
 * `answer` with a first guess for the encoder of every H.264 format, bit/s. Chromium begins at 300 kbit/s and probes for more;
 * where those first probes are delayed it gains 8 % a second from there, and the full size is not sent for many seconds. It
 * reads the guess from the answer's format parameters; other browsers ignore parameters they do not know (RFC 6184 §8.2.2).
 */
export function withStartBitrate(answer: string, bitrate: number): string {
  const h264 = new Set([...answer.matchAll(/^a=rtpmap:(\d+) H264\/90000/gim)].map((match) => match[1]));
  return answer.replace(/^(a=fmtp:(\d+) [^\r\n]+)/gm, (line, whole: string, payloadType: string) =>
    h264.has(payloadType) ? `${whole};x-google-start-bitrate=${Math.round(bitrate / 1_000)}` : line);
}
