/** A room on a bad line is told what is wrong with it, and the operator can read the same. */

import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { inState, launch, teach } from "./browser";
import { Line } from "./line";
import { Relay } from "./relay";

const LOSSY = `
about = "A line that loses every eighth packet."
seconds = 120

[down]
delay = "20ms"
loss = "12%"

[up]
delay = "20ms"
`;

let browser: Browser;
let relay: Relay;
let line: Line;

beforeAll(async () => {
  browser = await launch();
  relay = await Relay.start();
  line = await Line.to(relay.base, LOSSY);
});

afterEach(async (test) => {
  await Promise.all(browser.contexts().map((context) => context.close()));
  if (test.task.result?.state === "fail") console.log(relay.log);
});

afterAll(async () => {
  await browser?.close();
  line?.close();
  await relay?.kill();
});

it("says how much is lost, in the words of the page's language", async () => {
  await teach(browser, relay.base);
  const context = await browser.newContext({ locale: "zh-CN", viewport: { width: 1280, height: 720 } });
  const page = await context.newPage();
  // Media takes the bad line; events do not pass there.
  await page.route("**/whep/**", (route) => route.continue({ url: route.request().url().replace(relay.base, line.base) }));
  await page.goto(`${relay.base}/watch.html?lesson=demo&seat=room-7`);
  await inState(page, "live");

  await page.waitForSelector("#line:not([hidden])", { timeout: 60_000 });
  expect(await page.textContent("#line .sentence")).toMatch(/^贵校下行(丢包 \d+%|网速约 [\d.]+ Mbit\/s)，/);
  expect(await page.isHidden("#line-badge")).toBe(true);
  await page.click("[data-language=en]");
  expect(await page.textContent("#line .sentence")).toMatch(/^Your downlink /);

  const answer = await fetch(`${relay.base}/api/lessons/demo/lines`);
  const { lines } = await answer.json() as { lines: { seat: string; hop?: string; playback?: { frames_decoded: number }; sentence: { zh: string } }[] };
  const room = lines.find(({ seat }) => seat === "room-7");
  expect(room?.hop).toBe("downlink");
  expect(room?.sentence.zh).toMatch(/^该校/);
  expect(room?.playback?.frames_decoded).toBeGreaterThan(0);
});
