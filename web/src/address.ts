/** What a page's own address says: the lesson, the source, the language; and the token, which only the fragment carries. */

export const SOURCES = ["camera", "courseware", "board", "room"] as const;
export type Source = (typeof SOURCES)[number];

/** As the relay accepts them (`protocol::LessonId`). */
export function isLesson(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text);
}

export function isSource(text: string | null): text is Source {
  return SOURCES.some((source) => source === text);
}

/** The token of a `#token=…` fragment; a fragment is never sent to a server nor written to its log. */
export function tokenOf(hash: string): string | null {
  return new URLSearchParams(hash.replace(/^#/, "")).get("token")?.trim() || null;
}

/** Where to publish `source`. Relative to the page: the relay may sit below a prefix. */
export function whipAddress(page: string, lesson: string, source: Source): string {
  return new URL(`whip/${encodeURIComponent(lesson)}/${source}`, page).href;
}

/** Where to watch the lesson's slots; `seat` tells rooms apart in local mode, where no token does. */
export function whepAddress(page: string, lesson: string, seat: string | null = null): string {
  const address = new URL(`whep/${encodeURIComponent(lesson)}`, page);
  if (seat) address.searchParams.set("seat", seat);
  return address.href;
}
