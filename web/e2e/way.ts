/** Pages whose ways to the relay a test can see, block and cut. */

import { createSocket, type Socket as Datagrams } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { Browser, Page } from "playwright-core";

/** Ports put into the relay's candidates in place of its own. */
export interface Detour {
  readonly udp?: number;
  readonly tcp?: number;
}

/** Opens a page that keeps its connections where tests find them. */
export async function open(browser: Browser, address: string, detour: Detour = {}): Promise<Page> {
  const context = await browser.newContext({ permissions: ["camera", "microphone"], viewport: { width: 1280, height: 720 } });
  await context.addInitScript((detour) => {
    const kept: RTCPeerConnection[] = [];
    Object.assign(window, {
      kept,
      RTCPeerConnection: class extends RTCPeerConnection {
        constructor(configuration?: RTCConfiguration) {
          super(configuration);
          kept.push(this);
        }
        override setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void> {
          const sdp = description.sdp?.replace(/^(a=candidate:\S+ \d+ (udp|tcp) \d+ \S+) (\d+)/gm, (_, start: string, protocol: "udp" | "tcp", port: string) =>
            `${start} ${detour[protocol] ?? port}`);
          return super.setRemoteDescription({ ...description, ...(sdp === undefined ? {} : { sdp }) });
        }
      },
    });
  }, detour);
  const page = await context.newPage();
  await page.goto(address);
  return page;
}

/** What the latest connection of a page sends over: the protocol of the pair it has chosen. */
export function protocol(page: Page): Promise<string | undefined> {
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

/** A port at which datagrams vanish, as behind a firewall. */
export async function silence(): Promise<{ port: number; socket: Datagrams }> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  return { port: socket.address().port, socket };
}

/** A way to a TCP port on which connections can be cut. */
export class Way {
  readonly #server: Server;
  readonly #connections = new Set<Socket>();
  /** Connections there have been. */
  taken = 0;

  private constructor(target: number) {
    this.#server = createServer((near) => {
      this.taken += 1;
      const far = connect(target, "127.0.0.1");
      for (const [from, to] of [[near, far], [far, near]] as const) {
        from.setNoDelay(true);
        this.#connections.add(from);
        from.on("data", (bytes) => to.write(bytes));
        from.on("error", () => from.destroy());
        from.on("close", () => {
          this.#connections.delete(from);
          to.destroy();
        });
      }
    });
  }

  static async to(target: number): Promise<Way> {
    const way = new Way(target);
    way.#server.listen(0, "127.0.0.1");
    await once(way.#server, "listening");
    return way;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return address.port;
  }

  /** Ends every connection; new ones are taken. */
  cut(): void {
    for (const connection of this.#connections) connection.destroy();
  }

  close(): void {
    this.#server.close();
    this.cut();
  }
}
