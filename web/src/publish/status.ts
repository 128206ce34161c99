/** How the publication stands: the badge in the header, and the problem below the picture. */

import { badge } from "../badge";
import { english, icon, make } from "../dom";
import type { Explanation } from "../explain";
import { t } from "../language";
import type { State } from "../reconnect";
import type { Reading } from "../stats";
import { summary, videoOf } from "./figures";

/** Shows the state; `rate` is what goes out, Mbit/s. */
export function showStatus(element: HTMLElement, state: State, reading: Reading | null, rate: number | null): void {
  switch (state.kind) {
    case "idle":
      return badge(element, "quiet", t("stateIdle"));
    case "connecting":
      return badge(element, "busy", t(state.attempt > 0 ? "stateReconnecting" : "stateConnecting"));
    case "waiting":
      return badge(element, "busy", t("stateReconnecting"), t("nextTry", { n: state.attempt }));
    case "refused":
      return badge(element, "bad", t("stateRefused"));
    case "live":
      // Live means that something goes out, not that a connection stands.
      if (rate === 0) return badge(element, "warn", t("stateNothing"));
      return badge(element, "good", t("stateLive"), reading ? summary(rate, videoOf(reading)) : "");
  }
}

/** Shows what went wrong and what to do, or hides its place. */
export function showProblem(element: HTMLElement, explanation: Explanation | null): void {
  const shown = JSON.stringify(explanation);
  if (element.dataset["shown"] === shown) return;
  element.dataset["shown"] = shown;
  element.hidden = explanation === null;
  if (!explanation) return element.replaceChildren();
  const title = make("strong", "");
  title.append(icon("stop"), explanation.title);
  element.replaceChildren(title, make("span", "", explanation.advice), ...(explanation.detail ? [english(explanation.detail)] : []));
}
