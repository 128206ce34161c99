/** Failures in the words of the page's language, with the relay's own English sentence in small print. */

import { t } from "./language";
import type { Problem } from "./problem";
import type { Failure } from "./reconnect";

export interface Explanation {
  readonly title: string;
  /** What to do. */
  readonly advice: string;
  /** In English, for the person who is asked for help; may be empty. */
  readonly detail: string;
}

/** The key of the title for an HTTP status; the advice's key has "Text" appended. */
export function keyOf(status: number) {
  switch (status) {
    case 401:
      return "failToken";
    case 403:
      return "failForbidden";
    case 404:
      return "failLesson";
    case 406:
    case 415:
    case 422:
      return "failOffer";
    case 429:
    case 502:
    case 503:
    case 504:
      return "failBusy";
    default:
      return "failOther";
  }
}

function ofProblem(problem: Problem, lesson: string): Explanation {
  const key = keyOf(problem.status);
  const values = { lesson, status: problem.status };
  const detail = [`HTTP ${problem.status}`, problem.title, problem.detail].filter(Boolean).join(" · ");
  return { title: t(key, values), advice: t(`${key}Text`, values), detail };
}

/** What to tell the person in front of the page. */
export function explain(failure: Failure, lesson: string): Explanation {
  switch (failure.kind) {
    case "network":
      return { title: t("failNetwork"), advice: t("failNetworkText"), detail: "" };
    case "media":
      return { title: t("failMedia"), advice: t("failMediaText"), detail: "" };
    case "lost":
      return { title: t("failLost"), advice: t("failLostText"), detail: "" };
    case "browser":
      return { title: t("failBrowser"), advice: t("failBrowserText"), detail: failure.detail };
    case "problem":
      return ofProblem(failure.problem, lesson);
  }
}

/** Why a camera, microphone or screen could not be had (`getUserMedia`, `getDisplayMedia`). */
export function explainMedia(error: unknown): Explanation {
  const name = error instanceof DOMException ? error.name : "";
  const key = mediaKeyOf(name);
  const detail = error instanceof Error ? [error.name, error.message].filter(Boolean).join(": ") : String(error);
  return { title: t(key), advice: t(`${key}Text`), detail };
}

/** By the names of W3C mediacapture-main §10.2. */
function mediaKeyOf(name: string) {
  switch (name) {
    case "SecurityError":
      return "mediaInsecure";
    case "NotAllowedError":
      return "mediaDenied";
    case "NotFoundError":
      return "mediaMissing";
    case "NotReadableError":
    case "AbortError":
      return "mediaBusy";
    default:
      return "mediaOther";
  }
}
