/** The front page: what this relay offers, and the way there. */

import { isLesson, whepAddress, whipAddress } from "./address";
import { badge } from "./badge";
import { make, part } from "./dom";
import { inWords, startLanguage, t, tag, type Key } from "./language";

const ASK_EVERY_MS = 5_000;

const lesson = part("lesson", HTMLInputElement);
const hint = part("lesson-hint", HTMLElement);
const doors = part("doors", HTMLElement);
const relay = part("relay", HTMLElement);

/** What the relay said when last asked. */
let health: "asking" | "up" | "down" = "asking";

function link(id: string, page: string, source?: string): void {
  const anchor = part(id, HTMLAnchorElement);
  const valid = isLesson(lesson.value);
  anchor.setAttribute("aria-disabled", String(!valid));
  if (!valid) return anchor.removeAttribute("href");
  const query = new URLSearchParams({ lesson: lesson.value, ...(source ? { source } : {}), lang: tag() });
  // A token that came with this page's address goes along, in the fragment as before.
  anchor.href = `./${page}.html?${query}${location.hash}`;
}

function door(word: Key, address: string): HTMLElement {
  const row = make("div", "");
  const copy = make("button", "button", t("copy"));
  copy.type = "button";
  copy.addEventListener("click", () => {
    void navigator.clipboard?.writeText(address).then(() => (copy.textContent = t("copied")));
  });
  const place = make("dd", "");
  place.append(make("code", "", address));
  row.append(make("dt", "", t(word)), place, copy);
  return row;
}

function render(): void {
  const valid = isLesson(lesson.value);
  lesson.setAttribute("aria-invalid", String(!valid));
  hint.textContent = t(valid ? "lessonHint" : "lessonWrong");
  link("to-watch", "watch");
  link("to-camera", "publish", "camera");
  link("to-courseware", "publish", "courseware");
  doors.replaceChildren(...(valid
    ? [
        door("whipCamera", whipAddress(location.href, lesson.value, "camera")),
        door("whipCourseware", whipAddress(location.href, lesson.value, "courseware")),
        door("whepLesson", whepAddress(location.href, lesson.value)),
      ]
    : []));
}

function renderHealth(): void {
  document.body.dataset["relay"] = health;
  switch (health) {
    case "asking":
      return badge(relay, "busy", t("relayAsking"));
    case "up":
      return badge(relay, "good", t("relayUp"));
    case "down":
      return badge(relay, "bad", t("relayDown"));
  }
}

async function askHealth(): Promise<void> {
  try {
    const response = await fetch("./healthz", { cache: "no-store", signal: AbortSignal.timeout(ASK_EVERY_MS) });
    health = response.ok ? "up" : "down";
  } catch {
    health = "down";
  }
  renderHealth();
  setTimeout(() => void askHealth(), ASK_EVERY_MS);
}

lesson.value = new URLSearchParams(location.search).get("lesson") ?? "demo";
lesson.addEventListener("input", render);
lesson.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && isLesson(lesson.value)) part("to-watch", HTMLAnchorElement).click();
});
startLanguage();
inWords(render);
inWords(renderHealth);
void askHealth();
