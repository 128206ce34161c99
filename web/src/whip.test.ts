import { expect, it } from "vitest";
import { preferH264 } from "./whip";

it("prefers H.264 that may span packets, and forgets no codec", () => {
  const codecs = [
    { mimeType: "video/VP8" },
    { mimeType: "video/rtx" },
    { mimeType: "video/H264", sdpFmtpLine: "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42001f" },
    { mimeType: "video/H264", sdpFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f" },
    { mimeType: "video/AV1" },
  ];
  expect(preferH264(codecs)).toEqual([codecs[3], codecs[2], codecs[0], codecs[1], codecs[4]]);
});
