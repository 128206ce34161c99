/** The watching page of a classroom. */

import { isLesson, tokenOf, whepAddress } from "./address";
import { stayAwake } from "./awake";
import { badge, type Tone } from "./badge";
import { expose } from "./debug";
import { icon, make, part } from "./dom";
import { eventsAddress } from "./events";
import { EventStream } from "./events/stream";
import { inWords, startLanguage, t, type Key } from "./language";
import { Session } from "./session";
import type { Reading } from "./stats";
import { places, visible, type Layout } from "./watch/layout";
import { showFigures, showLine } from "./watch/line";
import { showNumbers } from "./watch/numbers";
import { showOverlay } from "./watch/overlay";
import { interrupt, observe, view, type Picture, type View } from "./watch/picture";
import { SecondScreen } from "./watch/second-screen";
import { Speakers } from "./watch/sound";
import { Tally } from "./watch/tally";
import { SLOTS, whep, type Arrival, type Slot } from "./whep";

const QUIET_AFTER_MS = 4_000;
const REPORT_EVERY_MS = 2_000;

const body = document.body;
const hall = part("hall", HTMLElement);
const overlay = part("overlay", HTMLElement);
const numbers = part("numbers", HTMLElement);
const hear = part("hear", HTMLButtonElement);
const status = part("badge", HTMLElement);
const soundWord = part("sound-word", HTMLElement);
const asked = new URLSearchParams(location.search);
const lesson = asked.get("lesson") ?? "";
const seat = asked.get("seat");
const token = tokenOf(location.hash);

const debug = expose();
const second = new SecondScreen();
const speakers = new Speakers(renderSound);
let pictures = new Map<Slot, Picture>(SLOTS.map((slot) => [slot, { kind: "none" }]));
/** The present connection's tracks by m-line. */
let arrivals = new Map<string, Arrival>();
let before: Reading | null = null;
let layout: Layout = "focus";
let main: Slot = "courseware";

const tally = new Tally();
const events = new EventStream(
  { address: eventsAddress(location.href, lesson), token, seat },
  (known) => {
    debug.line = known?.lines.get(known.seat) ?? null;
    renderLine();
  },
  () => tally.restart(),
);

const session = new Session(
  () => whep(whepAddress(location.href, lesson, seat), token, arrive),
  {
    state(state) {
      debug.state = state;
      if (state.kind === "live") {
        debug.connections += 1;
        tally.reconnected();
      }
      else if (state.kind === "waiting" || state.kind === "refused") {
        debug.reading = before = null;
        const now = performance.now();
        pictures = new Map([...pictures].map(([slot, picture]) => [slot, interrupt(picture, now)]));
      } else if (state.kind === "connecting") arrivals = new Map();
      render();
    },
    reading(reading) {
      debug.reading = reading;
      tally.add(reading);
      for (const entry of reading.inbound) {
        const arrival = arrivals.get(entry.mid);
        if (!arrival || entry.kind !== "video") continue;
        const picture = pictures.get(arrival.slot) ?? { kind: "none" };
        pictures.set(arrival.slot, observe(picture, entry.framesDecoded, reading.atMs));
        if (entry.framesDecoded > 0) showTrack(arrival);
      }
      if (!numbers.hidden && before) showNumbers(part("slot-figures", HTMLElement), before, reading, slotsByMid());
      before = reading;
      render();
    },
  },
);

function slotsByMid(): Map<string, Slot> {
  return new Map([...arrivals].map(([mid, arrival]) => [mid, arrival.slot]));
}

function arrive(arrival: Arrival): void {
  arrivals.set(arrival.mid, arrival);
  if (arrival.track.kind === "audio") return speakers.attach(arrival.slot, arrival.track);
  // After a reconnect the last picture stays until the new one has a frame: nobody looks at black.
  if (pictures.get(arrival.slot)?.kind === "none") showTrack(arrival);
}

function showTrack({ slot, track }: Arrival): void {
  const video = videoOf(slot);
  if (video.srcObject instanceof MediaStream && video.srcObject.getTracks()[0] === track) return;
  video.srcObject = new MediaStream([track]);
  // Muted pictures may always play; it fails only when a newer track takes over at once.
  video.play().catch(() => undefined);
}

function tileOf(slot: Slot): HTMLElement {
  return part(`tile-${slot}`, HTMLElement);
}

function videoOf(slot: Slot): HTMLVideoElement {
  const video = tileOf(slot).querySelector("video");
  if (!video) throw new Error(`tile ${slot} has no video`);
  return video;
}

const BADGES: Readonly<Record<View["kind"], readonly [Tone, Key]>> = {
  connecting: ["busy", "stateConnecting"],
  waiting: ["quiet", "stateWaiting"],
  live: ["good", "statePlaying"],
  stalled: ["warn", "stateStalled"],
  reconnecting: ["busy", "stateReconnecting"],
  refused: ["bad", "stateRefused"],
};

function render(): void {
  if (layout === "two-screens" && !second.open) layout = "focus";
  const now = performance.now();
  const shown = view(debug.state, pictures.values());
  const slots = visible(pictures, main, now);
  renderTiles(slots);
  showOverlay(overlay, shown, lesson, slots.length > 0, () => session.start());
  const [tone, word] = BADGES[shown.kind];
  badge(status, tone, t(word), lesson);
  const video = debug.reading?.inbound.filter((entry) => entry.kind === "video") ?? [];
  const sum = (figure: (entry: (typeof video)[number]) => number) => String(video.reduce((all, entry) => all + figure(entry), 0));
  Object.assign(body.dataset, {
    state: shown.kind,
    layout,
    main,
    connections: String(debug.connections),
    framesDecoded: sum((entry) => entry.framesDecoded),
    freezes: sum((entry) => entry.freezes),
  });
}

function renderTiles(slots: readonly Slot[]): void {
  const placed = places(slots, layout);
  for (const slot of SLOTS) {
    const tile = tileOf(slot);
    tile.dataset["place"] = placed.get(slot) ?? "none";
    tile.dataset["picture"] = pictures.get(slot)?.kind ?? "none";
    if (placed.get(slot) === "second-screen") second.show(videoOf(slot).srcObject);
  }
  hall.dataset["sides"] = [...placed.values()].includes("right") ? "2" : "1";
  part("do-layout", HTMLButtonElement).setAttribute("aria-pressed", String(layout === "sides"));
  part("do-second", HTMLButtonElement).setAttribute("aria-pressed", String(layout === "two-screens"));
}

function renderLine(): void {
  showLine(part("line-badge", HTMLElement), part("line", HTMLElement), debug.line);
  if (!numbers.hidden) showFigures(part("line-figures", HTMLElement), debug.line);
  body.dataset["line"] = debug.line?.grade ?? "unknown";
}

function renderSound(): void {
  hear.hidden = speakers.sound !== "blocked";
  soundWord.textContent = t(speakers.sound === "on" ? "sound" : "soundOff");
  document.getElementById("sound-icon")?.setAttribute("href", `./icons.svg#${speakers.sound === "on" ? "sound" : "sound-off"}`);
  body.dataset["sound"] = speakers.sound;
}

function swap(): void {
  const [, next] = visible(pictures, main, performance.now());
  main = next ?? (main === "courseware" ? "camera" : "courseware");
  render();
}

function toggleSecond(): void {
  if (second.open) second.stop();
  else if (second.start()) layout = "two-screens";
  else badge(status, "warn", t("secondBlocked"));
  if (layout === "two-screens" || second.open) render();
}

const DEEDS: Readonly<Record<string, { readonly button: string; run(): void }>> = {
  x: { button: "do-swap", run: swap },
  l: { button: "do-layout", run: () => { layout = layout === "sides" ? "focus" : "sides"; render(); } },
  "2": { button: "do-second", run: toggleSecond },
  s: {
    button: "do-statistics",
    run: () => {
      numbers.hidden = !numbers.hidden;
      part("do-statistics", HTMLButtonElement).setAttribute("aria-pressed", String(!numbers.hidden));
      renderLine();
    },
  },
  m: { button: "do-sound", run: () => speakers.toggle() },
  f: {
    button: "do-fullscreen",
    run: () => void (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen()).catch(() => undefined),
  },
};

function bindControls(): void {
  for (const { button, run } of Object.values(DEEDS)) part(button, HTMLButtonElement).addEventListener("click", run);
  document.addEventListener("keydown", (event) => {
    if (!event.ctrlKey && !event.altKey && !event.metaKey && !event.repeat) DEEDS[event.key.toLowerCase()]?.run();
  });
  hear.addEventListener("click", () => speakers.toggle());
  for (const slot of SLOTS) {
    // The first frame, up to half a second before the statistics would tell.
    videoOf(slot).addEventListener("loadeddata", () => {
      if (pictures.get(slot)?.kind === "moving") return;
      pictures.set(slot, { kind: "moving", frames: 1, atMs: performance.now() });
      render();
    });
    tileOf(slot).addEventListener("click", () => {
      if (slot !== main && tileOf(slot).dataset["place"] !== "main") { main = slot; render(); }
    });
  }
  let timer = 0;
  const stir = () => {
    body.dataset["quiet"] = "false";
    clearTimeout(timer);
    timer = setTimeout(() => { body.dataset["quiet"] = String(body.dataset["state"] === "live"); }, QUIET_AFTER_MS);
  };
  for (const event of ["pointermove", "pointerdown", "keydown"]) document.addEventListener(event, stir);
  stir();
  window.addEventListener("pagehide", () => second.stop());
}

startLanguage();
stayAwake();
bindControls();
inWords(renderSound);
part("home", HTMLAnchorElement).href = `./?${new URLSearchParams(lesson ? { lesson } : {})}${location.hash}`;
if (isLesson(lesson)) {
  inWords(render);
  inWords(renderLine);
  session.start();
  events.start();
  setInterval(() => events.report(tally.sum), REPORT_EVERY_MS);
} else {
  body.dataset["state"] = "no-lesson";
  inWords(() => {
    overlay.dataset["veil"] = "full";
    const home = make("a", "button", t("home"));
    home.href = "./";
    overlay.replaceChildren(icon("warn"), make("h2", "", t("noLesson")), make("p", "", t("noLessonText")), home);
  });
}
