import { expect, it } from "vitest";
import { withStartBitrate } from "./sdp";

it("guesses for H.264 formats only, and leaves every line's end as it was", () => {
  const answer = [
    "m=video 9 UDP/TLS/RTP/SAVPF 103 104 96",
    "a=rtpmap:103 H264/90000",
    "a=fmtp:103 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f",
    "a=rtpmap:104 rtx/90000",
    "a=fmtp:104 apt=103",
    "a=rtpmap:96 VP8/90000",
    "",
  ].join("\r\n");
  expect(withStartBitrate(answer, 2_000_000)).toBe(
    answer.replace("profile-level-id=42001f", "profile-level-id=42001f;x-google-start-bitrate=2000"),
  );
  expect(withStartBitrate("", 1)).toBe("");
});
