/** Chromium with a made-up camera and microphone, and the words tests use for pages. */

import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
// Declares window.lectern.
import type {} from "../src/debug";

/** Starts Chromium; `gestures` keeps the autoplay policy that classrooms have, `flags` are added. */
export function launch(gestures: "needed" | "not needed" = "not needed", flags: readonly string[] = []): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env["CHROMIUM_BIN"] ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--use-fake-device-for-media-stream",
      "--use-fake-ui-for-media-stream",
      // Two pages share one window: the hidden one must not be slowed down.
      "--disable-background-timer-throttling",
      "--disable-renderer-backgrounding",
      "--disable-backgrounding-occluded-windows",
      ...(gestures === "needed" ? [] : ["--autoplay-policy=no-user-gesture-required"]),
      ...flags,
    ],
  });
}

/** A page and what went wrong in it. */
export interface Visit {
  readonly page: Page;
  /** Exceptions, and violations of the content security policy. */
  readonly errors: string[];
}

/** Opens `address` in a fresh profile. */
export async function visit(browser: Browser, address: string, locale = "zh-CN"): Promise<Visit & { context: BrowserContext }> {
  const context = await browser.newContext({ locale, permissions: ["camera", "microphone"], viewport: { width: 1280, height: 720 } });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    // Refused and failed requests are part of the story; they are logged as errors, too.
    const isRequest = ["Failed to load resource", "WebSocket connection to"].some((start) => message.text().startsWith(start));
    if (message.type() === "error" && !isRequest) errors.push(message.text());
  });
  await page.goto(address);
  return { context, page, errors };
}

/** Opens the publishing page of `source` and presses the button. */
export async function teach(browser: Browser, base: string, source = "camera", fragment = "") {
  const visited = await visit(browser, `${base}/publish.html?lesson=demo&source=${source}${fragment}`);
  await visited.page.check("input[name=picture][value=camera]");
  await visited.page.selectOption("#quality", "720");
  await visited.page.click("#start");
  return visited;
}

/** Resolves when the page is in `state`, as `body` says. */
export async function inState(page: Page, state: string, timeout = 20_000): Promise<void> {
  await page.waitForSelector(`body[data-state="${state}"]`, { timeout });
}

/** Resolves when `count` frames more than now have been encoded or decoded. */
export async function moreFrames(page: Page, counter: "framesDecoded" | "framesEncoded", count: number, timeout = 20_000): Promise<void> {
  const now = await page.evaluate((name) => Number(document.body.dataset[name] ?? 0), counter);
  await page.waitForFunction(([name, target]) => Number(document.body.dataset[name] ?? 0) >= target, [counter, now + count] as const, { timeout });
}

/** What the page last read of its connection. */
export async function reading(page: Page) {
  const read = await page.evaluate(() => window.lectern.reading);
  if (!read) throw new Error("the page has no reading");
  return read;
}

/** Connections made since the page was loaded. */
export function connections(page: Page): Promise<number> {
  return page.evaluate(() => window.lectern.connections);
}
