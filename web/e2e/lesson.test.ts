/** One page teaches, another watches, through the real relay. */

import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { connections, inState, launch, moreFrames, reading, teach, visit } from "./browser";
import { Relay } from "./relay";

const SECONDS = Number(process.env["LECTERN_E2E_SECONDS"] ?? 30);
/** Design, "numbers to meet": back within this of the relay's return. */
const BACK_WITHIN_MS = 5_000;

let browser: Browser;
let relay: Relay;

beforeAll(async () => {
  browser = await launch();
  relay = await Relay.start();
});

afterEach(async (test) => {
  await Promise.all(browser.contexts().map((context) => context.close()));
  if (test.task.result?.state === "fail") console.log(relay.log);
});

afterAll(async () => {
  await browser?.close();
  await relay?.kill();
});

const watchAddress = () => `${relay.base}/watch.html?lesson=demo`;

it("carries H.264 and Opus under GCM from one page to another", async () => {
  const viewer = await visit(browser, watchAddress());
  await inState(viewer.page, "waiting");
  expect(await viewer.page.textContent("#overlay")).toContain("老师还没有开始");

  const teacher = await teach(browser, relay.base);
  await inState(teacher.page, "live");
  await inState(viewer.page, "live");
  await moreFrames(viewer.page, "framesDecoded", 60);
  expect(await viewer.page.textContent("#overlay")).toBe("");

  const sent = await reading(teacher.page);
  const picture = sent.outbound.find((entry) => entry.kind === "video");
  expect(picture?.codec).toBe("H264");
  // What was chosen while the preview was still opening counts.
  expect(picture?.height).toBeLessThanOrEqual(720);
  expect(sent.srtp).toMatch(/AEAD_AES_128_GCM/);

  const received = await reading(viewer.page);
  expect(received.srtp).toMatch(/AEAD_AES_128_GCM/);
  const video = received.inbound.find((entry) => entry.kind === "video" && entry.framesDecoded > 0);
  const audio = received.inbound.find((entry) => entry.kind === "audio" && entry.packets > 0);
  expect(video?.codec).toBe("H264");
  expect(audio?.codec).toBe("opus");
  expect(await viewer.page.getAttribute("#tile-camera", "data-place")).toBe("main");

  await viewer.page.keyboard.press("s");
  await viewer.page.waitForSelector("#numbers table");
  expect(await viewer.page.textContent("#numbers")).toContain("Mbit/s");
  expect([...teacher.errors, ...viewer.errors]).toEqual([]);
});

it("says that the line is good, and that it knows nothing while the relay is gone", async () => {
  await teach(browser, relay.base);
  const { page, errors } = await visit(browser, watchAddress());
  await inState(page, "live");
  await page.waitForSelector("body[data-line=good]", { timeout: 20_000 });
  expect(await page.textContent("#line-badge")).toBe("线路良好");
  expect(await page.isHidden("#line")).toBe(true);
  // The player's own counts have been to the relay and back.
  await page.waitForFunction(() => (window.lectern.line?.downlink?.loss_after_repair_percent ?? -1) >= 0);
  await page.keyboard.press("s");
  await page.waitForSelector("#line-figures table");
  expect(await page.textContent("#line-figures")).toContain("丢包（补发前）0.0 %");

  await relay.kill();
  await page.waitForSelector("body[data-line=unknown]");
  expect(await page.isHidden("#line-badge")).toBe(true);
  await relay.again();
  await page.waitForSelector("body[data-line=good]", { timeout: 30_000 });
  expect(errors).toEqual([]);
});

it(`plays ${SECONDS} s without a freeze`, async () => {
  await teach(browser, relay.base);
  const { page } = await visit(browser, watchAddress());
  await inState(page, "live");
  // The first picture may wait for its keyframe: what is judged begins after it.
  await moreFrames(page, "framesDecoded", 30);
  const before = await reading(page);
  const played = () => page.$eval("#tile-camera video", (video) => (video as HTMLVideoElement).currentTime);
  const until = (await played()) + SECONDS;
  await page.waitForFunction((end) => (document.querySelector("#tile-camera video") as HTMLVideoElement).currentTime >= end, until, {
    timeout: SECONDS * 2_000,
    polling: 500,
  });
  const after = await reading(page);
  const sum = (figure: "freezes" | "freezeMs" | "lost" | "framesDecoded") => {
    const of = (reading: typeof after) => reading.inbound.filter((entry) => entry.kind === "video").reduce((all, entry) => all + entry[figure], 0);
    return of(after) - of(before);
  };
  console.log(`${SECONDS} s: ${sum("framesDecoded")} frames decoded, ${sum("lost")} packets lost, ${sum("freezes")} freezes of ${sum("freezeMs")} ms`);
  expect(sum("freezes")).toBe(0);
  expect(sum("freezeMs")).toBe(0);
  expect(await connections(page)).toBe(1);
});

it.each(["at once", "after a while"])("comes back by itself when the relay is killed and returns %s", async (when) => {
  const teacher = await teach(browser, relay.base);
  const viewer = await visit(browser, watchAddress());
  await inState(viewer.page, "live");
  await moreFrames(viewer.page, "framesDecoded", 30);

  await relay.kill();
  if (when === "after a while") {
    for (const { page } of [teacher, viewer]) {
      await page.waitForFunction(() => window.lectern.state.kind === "waiting" && window.lectern.state.attempt >= 4);
    }
    expect(await teacher.page.getAttribute("#badge", "data-tone")).toBe("busy");
    expect(await viewer.page.textContent("#overlay")).toContain("连不上中继");
  }
  await relay.again();
  const returned = performance.now();
  await Promise.all([teacher, viewer].map(async ({ page }) => {
    await page.waitForFunction(() => window.lectern.connections === 2);
    await inState(page, "live");
  }));
  await moreFrames(viewer.page, "framesDecoded", 1);
  const took = performance.now() - returned;
  console.log(`${when}: both pages back ${Math.round(took)} ms after the relay's return`);
  expect(took).toBeLessThanOrEqual(BACK_WITHIN_MS);
  expect([...teacher.errors, ...viewer.errors]).toEqual([]);
});

it("waits for a teacher who left, on the same connection", async () => {
  const first = await teach(browser, relay.base);
  const viewer = await visit(browser, watchAddress());
  await inState(viewer.page, "live");
  await first.context.close();
  await inState(viewer.page, "stalled");
  expect(await viewer.page.textContent("#overlay")).toContain("老师的画面中断了");

  await teach(browser, relay.base);
  await inState(viewer.page, "live");
  await moreFrames(viewer.page, "framesDecoded", 30);
  expect(await connections(viewer.page)).toBe(1);
});

it("shows courseware large and the teacher small, and swaps them by key", async () => {
  await teach(browser, relay.base, "camera");
  await teach(browser, relay.base, "courseware");
  const { page, context } = await visit(browser, watchAddress());
  await page.waitForSelector("#tile-courseware[data-place=main][data-picture=moving]");
  await page.waitForSelector("#tile-camera[data-place=small][data-picture=moving]");
  await page.keyboard.press("x");
  await page.waitForSelector("#tile-camera[data-place=main]");
  await page.keyboard.press("l");
  await page.waitForSelector("#tile-camera[data-place=left]");
  const [second] = await Promise.all([context.waitForEvent("page"), page.keyboard.press("2")]);
  await second.waitForFunction(() => ((document.getElementById("picture") as HTMLVideoElement | null)?.videoWidth ?? 0) > 0);
  expect(await page.getAttribute("#tile-camera", "data-place")).toBe("main");
});
