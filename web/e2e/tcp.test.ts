/** A lesson where no UDP gets through: everything goes over the relay's TCP port. */

import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { inState, launch, moreFrames, reading } from "./browser";
import { Relay } from "./relay";

const SECONDS = 8;

let browser: Browser;
let relay: Relay;

beforeAll(async () => {
  browser = await launch();
});

afterEach(async (test) => {
  await Promise.all(browser.contexts().map((context) => context.close()));
  if (test.task.result?.state === "fail") console.log(relay.log);
  await relay?.kill();
});

afterAll(() => browser?.close());

/** Opens a page that keeps its connections where tests find them. */
async function open(path: string): Promise<Page> {
  const context = await browser.newContext({ permissions: ["camera", "microphone"], viewport: { width: 1280, height: 720 } });
  await context.addInitScript(() => {
    const kept: RTCPeerConnection[] = [];
    Object.assign(window, {
      kept,
      RTCPeerConnection: class extends RTCPeerConnection {
        constructor(configuration?: RTCConfiguration) {
          super(configuration);
          kept.push(this);
        }
      },
    });
  });
  const page = await context.newPage();
  await page.goto(`${relay.base}/${path}`);
  return page;
}

async function teach(): Promise<Page> {
  const page = await open("publish.html?lesson=demo&source=camera");
  await page.check("input[name=picture][value=camera]");
  await page.selectOption("#quality", "720");
  await page.click("#start");
  return page;
}

const watch = () => open("watch.html?lesson=demo");

/** What the latest connection of a page sends over: the protocol of the pair it has chosen. */
function protocol(page: Page): Promise<string | undefined> {
  return page.evaluate(async () => {
    const { kept } = window as unknown as { kept: RTCPeerConnection[] };
    const report = await kept.at(-1)?.getStats();
    const entries = new Map<string, Record<string, unknown>>(report);
    const transport = [...entries.values()].find((entry) => entry["type"] === "transport");
    const pair = entries.get(String(transport?.["selectedCandidatePairId"]));
    const remote = entries.get(String(pair?.["remoteCandidateId"]));
    return remote?.["protocol"] as string | undefined;
  });
}

/** One of the relay's counters. */
async function counter(name: string): Promise<number> {
  const text = await fetch(`${relay.base}/metrics`).then((response) => response.text());
  const line = text.split("\n").find((line) => line.startsWith(`lectern_${name}_total `));
  if (!line) throw new Error(`there is no ${name} in:\n${text}`);
  return Number(line.split(" ")[1]);
}

it(`plays ${SECONDS} s without a freeze over nothing but TCP`, async () => {
  relay = await Relay.start({ LECTERN_MEDIA_PROTOCOLS: "tcp", LECTERN_MEDIA_WORKERS: "2" });
  const teacher = await teach();
  const room = await watch();
  await Promise.all([inState(teacher, "live"), inState(room, "live")]);
  await moreFrames(room, "framesDecoded", 30);
  expect([await protocol(teacher), await protocol(room)]).toEqual(["tcp", "tcp"]);

  const before = await reading(room);
  const played = () => room.$eval("#tile-camera video", (video) => (video as HTMLVideoElement).currentTime);
  const until = (await played()) + SECONDS;
  await room.waitForFunction((end) => (document.querySelector("#tile-camera video") as HTMLVideoElement).currentTime >= end, until, { polling: 250 });
  const after = await reading(room);
  const sum = (figure: "freezes" | "lost" | "framesDecoded" | "bytes" | "concealedSamples") => {
    const of = (reading: typeof after) => reading.inbound.reduce((all, entry) => all + entry[figure], 0);
    return of(after) - of(before);
  };
  const mbit = (sum("bytes") * 8) / (after.atMs - before.atMs) / 1_000;
  console.log(`${SECONDS} s over TCP: ${sum("framesDecoded")} frames decoded, ${sum("lost")} packets lost, ${sum("freezes")} freezes, `
    + `${sum("concealedSamples")} samples concealed, ${mbit.toFixed(1)} Mbit/s`);
  expect(sum("freezes")).toBe(0);
  expect(sum("lost")).toBe(0);
  expect(await counter("tcp_dropped_datagrams")).toBe(0);
});

it("prefers UDP where it gets through", async () => {
  relay = await Relay.start();
  const teacher = await teach();
  const room = await watch();
  await Promise.all([inState(teacher, "live"), inState(room, "live")]);
  await moreFrames(room, "framesDecoded", 30);
  expect([await protocol(teacher), await protocol(room)]).toEqual(["udp", "udp"]);
});

it("gives a connection back when its page is closed", async () => {
  relay = await Relay.start({ LECTERN_MEDIA_PROTOCOLS: "tcp" });
  const room = await watch();
  await expect.poll(() => protocol(room), { timeout: 10_000 }).toBe("tcp");
  await room.context().close();
  await expect.poll(async () => (await counter("tcp_opened_connections")) - (await counter("tcp_closed_connections")), { timeout: 10_000 }).toBe(0);
});
