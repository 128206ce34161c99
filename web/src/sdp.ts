/** The little this page needs to read of SDP. */

/**
 * An SDP fragment (RFC 8840 §9) that says "no more candidates" for a session described by `offer`; null when the offer has
 * no ICE credentials.
 */
export function endOfCandidates(offer: string): string | null {
  const lines = offer.split(/\r?\n/);
  const find = (prefix: string) => lines.find((line) => line.startsWith(prefix));
  const ufrag = find("a=ice-ufrag:");
  const password = find("a=ice-pwd:");
  const media = find("m=");
  const mid = find("a=mid:");
  if (!ufrag || !password || !media || !mid) return null;
  return [ufrag, password, media, mid, "a=end-of-candidates", ""].join("\r\n");
}
