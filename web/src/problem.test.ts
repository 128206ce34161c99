import { expect, it } from "vitest";
import { parseProblem } from "./problem";

it("reads problem details", () => {
  const body = JSON.stringify({ type: "/problems/unknown-lesson", title: "Unknown lesson", status: 404, detail: "there is no lesson abc" });
  expect(parseProblem(404, "application/problem+json; charset=utf-8", body)).toEqual({
    kind: "/problems/unknown-lesson",
    title: "Unknown lesson",
    status: 404,
    detail: "there is no lesson abc",
  });
});

it.each([
  ["text/html", "<h1>Bad Gateway</h1>"],
  ["application/problem+json", "{"],
  ["application/problem+json", "null"],
  ["application/problem+json", "7"],
  ["application/problem+json", '{"title":5,"detail":{}}'],
  [null, ""],
])("makes do with %s %s", (type, body) => {
  expect(parseProblem(502, type, body)).toEqual({ kind: "about:blank", title: "HTTP 502", status: 502, detail: "" });
});

it("keeps a plain sentence and shortens a long one", () => {
  expect(parseProblem(400, "text/plain", " no offer \n").detail).toBe("no offer");
  expect(parseProblem(400, "text/plain", "x".repeat(10_000)).detail).toHaveLength(300);
});

it("believes the status of the response, not of the body", () => {
  expect(parseProblem(503, "application/json", '{"status":200}').status).toBe(503);
});
