/** The pages' language: asked for in the address, else chosen before, else the browser's, else Chinese. */

import { en } from "./words/en";
import { zh, type Key, type Words } from "./words/zh";

export type { Key } from "./words/zh";
export type Language = "zh" | "en";

const WORDS: Readonly<Record<Language, Words>> = { zh, en };
const TAGS: Readonly<Record<Language, string>> = { zh: "zh-CN", en: "en" };
const STORED_AS = "lectern.language";

/** The first of `wishes` (language tags, most wanted first) that there are words for. */
export function choose(wishes: readonly (string | null | undefined)[]): Language {
  for (const wish of wishes) {
    const primary = wish?.toLowerCase().split("-")[0];
    if (primary === "zh" || primary === "en") return primary;
  }
  return "zh";
}

/** Fills `{name}` places. */
export function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place));
}

let current: Language = "zh";
const changed = new EventTarget();

/** The word for `key` in the present language. */
export function t(key: Key, values: Readonly<Record<string, string | number>> = {}): string {
  return fill(WORDS[current][key], values);
}

/** Calls `render` now and after every change of language. */
export function inWords(render: () => void): void {
  changed.addEventListener("change", render);
  render();
}

function apply(): void {
  document.documentElement.lang = TAGS[current];
  for (const element of document.querySelectorAll<HTMLElement>("[data-t]")) {
    element.textContent = t(element.dataset["t"] as Key);
  }
  for (const element of document.querySelectorAll<HTMLElement>("[data-t-label]")) {
    const label = t(element.dataset["tLabel"] as Key);
    element.setAttribute("aria-label", label);
    element.title = label;
  }
  for (const button of document.querySelectorAll<HTMLElement>("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset["language"] === current));
  }
  changed.dispatchEvent(new Event("change"));
}

function set(language: Language): void {
  current = language;
  try {
    localStorage.setItem(STORED_AS, language);
  } catch {
    // Storage is forbidden: the choice lasts as long as the page.
  }
  // The address says what is shown, so that it can be passed on.
  const address = new URL(location.href);
  address.searchParams.set("lang", TAGS[language]);
  history.replaceState(null, "", address);
  apply();
}

function stored(): string | null {
  try {
    return localStorage.getItem(STORED_AS);
  } catch {
    return null;
  }
}

/** The present language. */
export function language(): Language {
  return current;
}

/** The tag of the present language, for `?lang=`. */
export function tag(): string {
  return TAGS[current];
}

/** Chooses the language, fills the page's words in and brings its language buttons to life. */
export function startLanguage(): void {
  current = choose([new URLSearchParams(location.search).get("lang"), stored(), ...navigator.languages]);
  for (const button of document.querySelectorAll<HTMLElement>("[data-language]")) {
    button.addEventListener("click", () => set(button.dataset["language"] as Language));
  }
  apply();
}
