/** What people are told: languages, refusals, and the first touch that sound needs. */

import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { inState, launch, moreFrames, teach, visit } from "./browser";
import { Relay, token } from "./relay";

const KEY = "an end-to-end test's key of forty bytes!!";

let browser: Browser;
let relay: Relay;

beforeAll(async () => {
  browser = await launch("needed");
  relay = await Relay.start({ LECTERN_AUTH_KEY: KEY, LECTERN_LESSONS: "demo" });
});

afterEach(async (test) => {
  await Promise.all(browser.contexts().map((context) => context.close()));
  if (test.task.result?.state === "fail") console.log(relay.log);
});

afterAll(async () => {
  await browser?.close();
  await relay?.kill();
});

it("says in words that a token is missing, and shows the relay's own sentence small", async () => {
  const { page } = await visit(browser, `${relay.base}/watch.html?lesson=demo`);
  await inState(page, "refused");
  expect(await page.textContent("#overlay h2")).toBe("没有通行令牌，或者令牌已失效");
  expect(await page.textContent("#overlay small")).toMatch(/HTTP 401.*token/);
  await page.click("[data-language=en]");
  expect(await page.textContent("#overlay h2")).toBe("The access token is missing or no longer valid");
  expect(new URL(page.url()).searchParams.get("lang")).toBe("en");
});

it("says that a token is for something else", async () => {
  const observer = await token(KEY, ["--role", "observer", "--lesson", "demo", "--seat", "office"]);
  const { page } = await teach(browser, relay.base, "camera", `#token=${observer}`);
  await inState(page, "refused");
  expect(await page.textContent("#problem strong")).toBe("这个令牌不能用在这里");
  expect(await page.textContent("#problem small")).toContain("HTTP 403");
});

it("says that there is no such lesson, and goes on asking", async () => {
  const room = await token(KEY, ["--role", "room", "--lesson", "other", "--seat", "room-1"]);
  const { page } = await visit(browser, `${relay.base}/watch.html?lesson=other#token=${room}`, "en-GB");
  await inState(page, "reconnecting");
  expect(await page.textContent("#overlay h2")).toBe("There is no such lesson, or it is not open yet");
  expect(await page.textContent("#overlay p")).toContain("“other”");
  await page.waitForFunction(() => window.lectern.state.kind === "waiting" && window.lectern.state.attempt >= 3);
});

it("never puts the token into an address that is sent", async () => {
  const teacher = await token(KEY, ["--role", "teacher", "--lesson", "demo", "--seat", "centre"]);
  const sent: string[] = [];
  const context = await browser.newContext({ permissions: ["camera", "microphone"] });
  context.on("request", (request) => sent.push(request.url().replace(/#.*/, "")));
  const page = await context.newPage();
  await page.goto(`${relay.base}/publish.html?lesson=demo&source=camera#token=${teacher}`);
  await page.click("#start");
  await inState(page, "live");
  await moreFrames(page, "framesEncoded", 5);
  expect(sent.some((address) => address.endsWith("/whip/demo/camera"))).toBe(true);
  expect(sent.filter((address) => address.includes(teacher))).toEqual([]);
});

it("asks for a touch where the browser keeps the sound back", async () => {
  const [teacher, room] = await Promise.all([
    token(KEY, ["--role", "teacher", "--lesson", "demo", "--seat", "centre"]),
    token(KEY, ["--role", "room", "--lesson", "demo", "--seat", "room-1"]),
  ]);
  await teach(browser, relay.base, "camera", `#token=${teacher}`);
  // Playwright's own looks at a page count as touching it, so the page has to speak first.
  const context = await browser.newContext({ locale: "zh-CN" });
  await context.addInitScript(() => {
    new MutationObserver(() => {
      if (document.body?.dataset["sound"] === "blocked") console.debug("the sound is kept back");
    }).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-sound"] });
  });
  const page = await context.newPage();
  const keptBack = page.waitForEvent("console", (message) => message.text() === "the sound is kept back");
  await page.goto(`${relay.base}/watch.html?lesson=demo#token=${room}`);
  await keptBack;
  await page.waitForSelector("#hear", { state: "visible" });
  await inState(page, "live");
  await page.click("#hear");
  await page.waitForSelector("body[data-sound=on]");
  await page.waitForSelector("#hear", { state: "hidden" });
});

it("leads from the front page to the lesson, with the token, in the chosen language", async () => {
  const { page, errors } = await visit(browser, `${relay.base}/?lang=en#token=abc`);
  await page.waitForSelector("body[data-relay=up]");
  await page.fill("#lesson", "no such name");
  expect(await page.getAttribute("#to-watch", "href")).toBeNull();
  await page.fill("#lesson", "demo");
  expect(await page.textContent("#doors")).toContain(`${relay.base}/whip/demo/courseware`);
  await page.click("#to-courseware");
  await page.waitForURL("**/publish.html?lesson=demo&source=courseware&lang=en#token=abc");
  expect(await page.isChecked("input[value=courseware]")).toBe(true);
  expect(await page.inputValue("#token")).toBe("abc");
  expect(errors).toEqual([]);
});
