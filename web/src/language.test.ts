import { expect, it } from "vitest";
import { choose, fill } from "./language";
import { en } from "./words/en";
import { zh } from "./words/zh";

it("follows the first wish there are words for, and speaks Chinese otherwise", () => {
  expect(choose([null, undefined, "en-US", "zh-CN"])).toBe("en");
  expect(choose(["zh-TW"])).toBe("zh");
  expect(choose(["fr", "en"])).toBe("en");
  expect(choose(["fr", null])).toBe("zh");
  expect(choose([])).toBe("zh");
});

it("fills places in, and leaves unknown ones visible", () => {
  expect(fill("第 {n} 次，{x}", { n: 3 })).toBe("第 3 次，{x}");
});

it("has the same places in both languages, and no empty word", () => {
  const places = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
  for (const key of Object.keys(zh) as (keyof typeof zh)[]) {
    expect(places(en[key]), key).toEqual(places(zh[key]));
    expect(en[key], key).not.toBe("");
    expect(zh[key], key).not.toBe("");
  }
});
