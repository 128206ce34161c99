import { expect, it } from "vitest";
import { endOfCandidates } from "./sdp";

it("makes the smallest fragment of the first m-line", () => {
  const offer = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=ice-ufrag:Ab1\r\na=ice-pwd:secret\r\na=mid:0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\n";
  expect(endOfCandidates(offer)).toBe(
    "a=ice-ufrag:Ab1\r\na=ice-pwd:secret\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=end-of-candidates\r\n",
  );
});

it("makes nothing of an offer without credentials", () => {
  expect(endOfCandidates("")).toBeNull();
});
