/** Rooms whose firewall lets no UDP through: the lesson goes over the relay's TCP port. */

import { createServer } from "node:net";
import { once } from "node:events";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { connections, inState, launch, moreFrames, reading } from "./browser";
import { Relay } from "./relay";
import { open, protocol, silence, Way, type Detour } from "./way";

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

async function teach(detour?: Detour): Promise<Page> {
  const page = await open(browser, `${relay.base}/publish.html?lesson=demo&source=camera`, detour);
  await page.check("input[name=picture][value=camera]");
  await page.selectOption("#quality", "720");
  await page.click("#start");
  return page;
}

const watch = (detour?: Detour) => open(browser, `${relay.base}/watch.html?lesson=demo`, detour);

/** Resolves when the lesson is seen. */
async function seen(teacher: Page, room: Page): Promise<void> {
  await Promise.all([inState(teacher, "live"), inState(room, "live")]);
  await moreFrames(room, "framesDecoded", 30);
}

/** One of the relay's counters. */
async function counter(name: string): Promise<number> {
  const text = await fetch(`${relay.base}/metrics`).then((response) => response.text());
  const line = text.split("\n").find((line) => line.startsWith(`lectern_${name}_total `));
  if (!line) throw new Error(`there is no ${name} in:\n${text}`);
  return Number(line.split(" ")[1]);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  server.close();
  return address.port;
}

it(`plays ${SECONDS} s over nothing but TCP`, async () => {
  relay = await Relay.start({ LECTERN_MEDIA_PROTOCOLS: "tcp", LECTERN_MEDIA_WORKERS: "2" });
  const [teacher, room] = [await teach(), await watch()];
  await seen(teacher, room);
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
  // Freezes are judged where the machine has nothing else to do; this much holds on any.
  expect(sum("framesDecoded")).toBeGreaterThan(0);
  expect(await counter("tcp_dropped_datagrams")).toBeLessThan((await counter("sent_packets")) / 100);
});

it("prefers UDP where it gets through", async () => {
  relay = await Relay.start();
  const [teacher, room] = [await teach(), await watch()];
  await seen(teacher, room);
  expect([await protocol(teacher), await protocol(room)]).toEqual(["udp", "udp"]);
});

it("falls back to TCP where UDP vanishes, and is seen by those with UDP", async () => {
  relay = await Relay.start();
  const { port, socket } = await silence();
  const [teacher, room] = [await teach({ udp: port }), await watch()];
  await seen(teacher, room);
  expect([await protocol(teacher), await protocol(room)]).toEqual(["tcp", "udp"]);
  socket.close();
});

it("plays on when its TCP connection is cut, on the same session", async () => {
  const tcp = await freePort();
  relay = await Relay.start({ LECTERN_MEDIA_PROTOCOLS: "tcp", LECTERN_MEDIA_TCP_PORT: String(tcp) });
  const way = await Way.to(tcp);
  const [teacher, room] = [await teach(), await watch({ tcp: way.port })];
  await seen(teacher, room);
  const taken = way.taken;
  const cut = performance.now();
  way.cut();
  await moreFrames(room, "framesDecoded", 30);
  console.log(`30 more frames ${Math.round(performance.now() - cut)} ms after the cut`);
  expect(way.taken).toBeGreaterThan(taken);
  expect(await connections(room)).toBe(1);
  way.close();
});

it("gives a connection back when its page is closed", async () => {
  relay = await Relay.start({ LECTERN_MEDIA_PROTOCOLS: "tcp" });
  const room = await watch();
  await expect.poll(() => protocol(room), { timeout: 10_000 }).toBe("tcp");
  await room.context().close();
  await expect.poll(async () => (await counter("tcp_opened_connections")) - (await counter("tcp_closed_connections")), { timeout: 10_000 }).toBe(0);
});
