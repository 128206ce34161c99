/** A made-up camera whose picture is grainy: Chromium's own one is so smooth that every layer of it fits through any line. */

import { randomFillSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const WIDTH = 960;
const HEIGHT = 540;
const FPS = 10;
/** They come round again. */
const FRAMES = 8;

export interface Grain {
  /** What Chromium is started with. */
  readonly flag: string;
  remove(): Promise<void>;
}

/** Writes the camera's pictures, YUV4MPEG2, into a folder of their own. */
export async function grain(): Promise<Grain> {
  const folder = await mkdtemp(join(tmpdir(), "lectern-grain-"));
  const path = join(folder, "camera.y4m");
  const header = Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F${FPS}:1 Ip A1:1 C420jpeg\n`);
  await writeFile(path, [header, ...Array.from({ length: FRAMES }, frame)]);
  return { flag: `--use-file-for-fake-video-capture=${path}`, remove: () => rm(folder, { recursive: true }) };
}

function frame(): Buffer {
  const luma = randomFillSync(Buffer.alloc(WIDTH * HEIGHT)).map((noise, at) => 64 + ((at % WIDTH) >> 4) + (noise >> 3));
  return Buffer.concat([Buffer.from("FRAME\n"), luma, Buffer.alloc((WIDTH * HEIGHT) / 2, 128)]);
}
