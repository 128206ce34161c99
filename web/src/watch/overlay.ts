/** The words over the picture while there is none, or while it stands still. */

import { explain } from "../explain";
import { english, icon, make } from "../dom";
import { t } from "../language";
import type { View } from "./picture";

interface Content {
  readonly tone: "quiet" | "busy" | "bad";
  readonly icon: string;
  readonly title: string;
  readonly text: string;
  /** In the page's language, small. */
  readonly note: string;
  /** In English, small, for whoever is asked for help. */
  readonly detail: string;
  readonly retry: boolean;
}

function content(view: Exclude<View, { kind: "live" }>, lesson: string): Content {
  switch (view.kind) {
    case "connecting":
      return { tone: "busy", icon: "turn", title: t("connecting"), text: lesson, note: "", detail: "", retry: false };
    case "waiting":
      return { tone: "quiet", icon: "clock", title: t("notStarted"), text: t("notStartedText"), note: "", detail: "", retry: false };
    case "stalled":
      return { tone: "busy", icon: "turn", title: t("stalled"), text: t("stalledText"), note: "", detail: "", retry: false };
    case "reconnecting": {
      const why = explain(view.failure, lesson);
      const lost = view.failure.kind === "lost";
      return {
        tone: "busy",
        icon: "turn",
        title: lost ? t("reconnecting") : why.title,
        text: lost ? t("stalledText") : why.advice,
        note: t("nextTry", { n: view.attempt }),
        detail: why.detail,
        retry: false,
      };
    }
    case "refused": {
      const why = explain(view.failure, lesson);
      return { tone: "bad", icon: "stop", title: why.title, text: why.advice, note: "", detail: why.detail, retry: true };
    }
  }
}

/** Shows `view`'s words; `anyPicture` keeps the last picture visible behind them. */
export function showOverlay(overlay: HTMLElement, view: View, lesson: string, anyPicture: boolean, retry: () => void): void {
  if (view.kind === "live") {
    delete overlay.dataset["shown"];
    return overlay.replaceChildren();
  }
  const words = content(view, lesson);
  // Unchanged words stay as they are: screen readers would say them again.
  const shown = JSON.stringify([words, anyPicture]);
  if (overlay.dataset["shown"] === shown) return;
  overlay.dataset["shown"] = shown;
  overlay.dataset["tone"] = words.tone;
  overlay.dataset["veil"] = anyPicture ? "thin" : "full";
  const parts: (Element | null)[] = [
    icon(words.icon),
    make("h2", "", words.title),
    words.text ? make("p", "", words.text) : null,
    words.note ? make("small", "", words.note) : null,
    words.detail ? english(words.detail) : null,
  ];
  if (words.retry) {
    const button = make("button", "button", t("tryNow"));
    button.type = "button";
    button.addEventListener("click", retry);
    parts.push(button);
  }
  overlay.replaceChildren(...parts.filter((part) => part !== null));
}
