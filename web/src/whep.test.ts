import { expect, it } from "vitest";
import { slotOf } from "./whep";

it("believes the relay's name for a slot before the order of m-lines", () => {
  expect(slotOf("courseware", 0)).toBe("courseware");
  expect(slotOf("stage-1", 0)).toBe("stage-1");
});

it("falls back to the order for servers that name nothing", () => {
  expect(slotOf(undefined, 1)).toBe("courseware");
  expect(slotOf("{5c1f…}", 0)).toBe("camera");
  expect(slotOf(undefined, -1)).toBeNull();
});
