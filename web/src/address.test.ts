import { expect, it } from "vitest";
import { isLesson, isSource, tokenOf, whepAddress, whipAddress } from "./address";

it("accepts the lessons the relay accepts", () => {
  for (const name of ["demo", "2026-11-20.math_3", "a", "7", "a".repeat(64)]) expect(isLesson(name), name).toBe(true);
  for (const name of ["", "..", "a/b", "a b", "-a", "课", "a\n", "a".repeat(65)]) expect(isLesson(name), name).toBe(false);
});

it("takes the token from the fragment only", () => {
  expect(tokenOf("#token=abc.def-_")).toBe("abc.def-_");
  expect(tokenOf("#x=1&token=abc")).toBe("abc");
  expect(tokenOf("")).toBeNull();
  expect(tokenOf("#token=")).toBeNull();
});

it("finds the relay's doors below a prefix, whatever the page's query", () => {
  expect(whipAddress("https://relay.example/x/publish.html?lesson=q#token=t", "demo", "camera")).toBe("https://relay.example/x/whip/demo/camera");
  expect(whepAddress("https://relay.example/watch.html", "demo")).toBe("https://relay.example/whep/demo");
  expect(whepAddress("https://relay.example/watch.html", "demo", "room-7")).toBe("https://relay.example/whep/demo?seat=room-7");
});

it("knows the sources", () => {
  expect(isSource("board")).toBe(true);
  expect(isSource("screen")).toBe(false);
  expect(isSource(null)).toBe(false);
});
