/** A bad line between a page and the relay: `lectern-load link` as a process of its own. */

import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { binary } from "./relay";

/** `LECTERN_LOAD_BIN`, or what lies beside the relay. */
function link(): string {
  const place = process.env["LECTERN_LOAD_BIN"] ?? join(dirname(binary()), "lectern-load");
  if (!existsSync(place)) throw new Error(`no line to test with: set LECTERN_LOAD_BIN or run cargo build -p load-tests (looked at ${place})`);
  return place;
}

export class Line {
  readonly #process: ChildProcess;
  /** Where pages find the relay behind the line. Events do not pass. */
  readonly base: string;

  private constructor(process: ChildProcess, base: string) {
    this.#process = process;
    this.base = base;
  }

  /** Puts a line in front of `server`; `profile` is the TOML text of a profile. */
  static async to(server: string, profile: string): Promise<Line> {
    const folder = await mkdtemp(join(tmpdir(), "lectern-line-"));
    const path = join(folder, "profile.toml");
    await writeFile(path, profile);
    const child = spawn(link(), ["link", "--profile", path, "--server", server], { stdio: ["ignore", "pipe", "inherit"] });
    let said = "";
    for await (const text of child.stdout.setEncoding("utf8").iterator({ destroyOnReturn: false }) as AsyncIterable<string>) {
      said += text;
      const address = /^http +(http:\/\/\S+?)\/ /m.exec(said)?.[1];
      if (!address) continue;
      child.stdout.resume();
      await rm(folder, { recursive: true });
      return new Line(child, address);
    }
    throw new Error(`the line ended at once:\n${said}`);
  }

  /** Takes it down. */
  close(): void {
    this.#process.kill("SIGKILL");
  }
}
