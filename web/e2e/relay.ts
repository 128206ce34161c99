/** The real relay as a process of its own, which may be killed and started again on the same ports. */

import { spawn, type ChildProcess } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const root = resolve(import.meta.dirname, "../..");

/** `LECTERN_BIN`, or what cargo built last for people. */
export function binary(): string {
  const places = [process.env["LECTERN_BIN"], `${root}/target/release/lectern`, `${root}/target/debug/lectern`];
  const found = places.find((place) => place && existsSync(place));
  if (!found) throw new Error(`no relay to test: set LECTERN_BIN or run cargo build -p relay (looked at ${places.filter(Boolean).join(", ")})`);
  return found;
}

async function freePorts(): Promise<{ http: number; media: number }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const ports = { http: address.port, media: socket.address().port };
  server.close();
  socket.close();
  return ports;
}

export class Relay {
  readonly #settings: Record<string, string>;
  #process: ChildProcess | null = null;
  #log = "";
  readonly base: string;

  private constructor(base: string, settings: Record<string, string>) {
    this.base = base;
    this.#settings = settings;
  }

  /** Starts a relay on free ports; `settings` are `LECTERN_…` variables. */
  static async start(settings: Record<string, string> = {}): Promise<Relay> {
    const ports = await freePorts();
    const relay = new Relay(`http://127.0.0.1:${ports.http}`, {
      LECTERN_HTTP_LISTEN: `127.0.0.1:${ports.http}`,
      LECTERN_HTTP_TLS: "plain",
      LECTERN_MEDIA_LISTEN: "127.0.0.1",
      LECTERN_MEDIA_BASE_PORT: String(ports.media),
      // Rarely spoken over, so that another one after a restart does no harm.
      LECTERN_MEDIA_TCP_PORT: "0",
      LECTERN_MEDIA_WORKERS: "1",
      LECTERN_RECORDS_DIR: "no",
      LECTERN_WEB_DIR: resolve(import.meta.dirname, "../dist"),
      ...settings,
    });
    await relay.again();
    return relay;
  }

  /** Starts it again on its ports; resolves once it answers. */
  async again(): Promise<void> {
    const child = spawn(binary(), ["relay"], { env: { ...process.env, ...this.#settings }, stdio: ["ignore", "pipe", "pipe"] });
    this.#process = child;
    for (const output of [child.stdout, child.stderr]) {
      output.setEncoding("utf8").on("data", (text: string) => { this.#log += text; });
    }
    for (;;) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the relay ended at once:\n${this.#log}`);
      const healthy = await fetch(`${this.base}/healthz`).then((response) => response.ok, () => false);
      if (healthy) return;
      await pause(20);
    }
  }

  /** Ends it without a word to anybody. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  /** The UDP port of its first worker. */
  get mediaPort(): number {
    return Number(this.#settings["LECTERN_MEDIA_BASE_PORT"]);
  }

  /** Everything it has printed, for failure reports. */
  get log(): string {
    return this.#log;
  }
}

/** A token made by the relay's own command. */
export async function token(key: string, flags: readonly string[]): Promise<string> {
  const child = spawn(binary(), ["token", ...flags], { env: { ...process.env, LECTERN_AUTH_KEY: key }, stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => { text += part; });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`lectern token ended with ${String(code)}`);
  return text.trim();
}
