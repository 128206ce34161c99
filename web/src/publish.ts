/** The publishing page of the teacher's side. */

import { isLesson, isSource, tokenOf, whipAddress, type Source } from "./address";
import { stayAwake } from "./awake";
import type { Connection } from "./connection";
import { expose } from "./debug";
import { icon, make, part } from "./dom";
import { explain, explainMedia, type Explanation } from "./explain";
import { inWords, startLanguage, t } from "./language";
import { fillDevices, type Wish } from "./publish/capture";
import { Ear } from "./publish/ear";
import { fit, type Purpose } from "./publish/encodings";
import { sendRate, showFigures, videoOf } from "./publish/figures";
import { Media, type Kind } from "./publish/media";
import { noticeFor, showNotice } from "./publish/notice";
import { showProblem, showStatus } from "./publish/status";
import { meter, unheard, type Voice } from "./publish/voice";
import { Session } from "./session";
import type { Reading } from "./stats";
import { whip } from "./whip";

const controls = part("controls", HTMLFormElement);
const preview = part("preview", HTMLVideoElement);
const start = part("start", HTMLButtonElement);
const lesson = part("lesson", HTMLInputElement);
const token = part("token", HTMLInputElement);
const camera = part("camera", HTMLSelectElement);
const microphone = part("microphone", HTMLSelectElement);
const quality = part("quality", HTMLSelectElement);
const muteButton = part("mute", HTMLButtonElement);
const status = part("badge", HTMLElement);
const notice = part("notice", HTMLElement);
const problem = part("problem", HTMLElement);
const figures = part("figures", HTMLElement);

const debug = expose();
const ear = new Ear();
const media = new Media(exchanged, ended);
/** Devices that went away while they were needed. */
const missing = new Set<Kind>();
let voice: Voice = unheard;
let connection: Connection | null = null;
let before: Reading | null = null;
let rate: number | null = null;
/** For how many readings the encoder has been held back by the same thing. */
let limited = { by: "none", readings: 0 };
/** Why the devices could not be opened, or that sharing was ended: shown until the next try. */
let trouble: { readonly kind: "capture"; readonly error: unknown } | { readonly kind: "share-ended" } | null = null;

function source(): Source {
  const value = controls.querySelector<HTMLInputElement>("input[name=source]:checked")?.value ?? null;
  return isSource(value) ? value : "camera";
}

const purpose = (): Purpose => (source() === "courseware" || source() === "board" ? "detail" : "motion");

const session = new Session(
  () => whip({
    endpoint: whipAddress(location.href, lesson.value, source()),
    token: token.value.trim() || null,
    media: media.sendable,
    purpose: purpose(),
  }),
  {
    state(state, made) {
      debug.state = state;
      connection = made;
      if (state.kind === "live") {
        debug.connections += 1;
        // Devices may have been exchanged while the offer was under way.
        for (const kind of ["video", "audio"] as const) send(kind);
      } else {
        debug.reading = before = rate = null;
        limited = { by: "none", readings: 0 };
      }
      render();
    },
    reading(reading) {
      rate = sendRate(before, reading);
      const by = videoOf(reading)?.limitedBy ?? "none";
      limited = { by, readings: limited.by === by ? limited.readings + 1 : 0 };
      debug.reading = before = reading;
      render();
    },
  },
);

function wish(): Wish {
  const wanted = microphone.value;
  return {
    picture: picture() === "screen" ? { kind: "screen" } : { kind: "camera", camera: camera.value },
    microphone: wanted === "none" ? null : wanted,
    height: Number(quality.value),
  };
}

function picture(): "camera" | "screen" {
  return controls.querySelector<HTMLInputElement>("input[name=picture]:checked")?.value === "screen" ? "screen" : "camera";
}

/** Opens the devices; false, with the reason on the page, when that fails. */
async function openMedia(): Promise<boolean> {
  trouble = null;
  try {
    await media.open(wish());
    missing.clear();
    await listDevices();
    return true;
  } catch (error) {
    trouble = { kind: "capture", error };
    return false;
  } finally {
    render();
  }
}

function exchanged(kind: Kind): void {
  const track = media.track(kind);
  if (kind === "video") preview.srcObject = track ? new MediaStream([track]) : null;
  else {
    voice = unheard;
    ear.listen(track, (now, rms) => {
      voice = now;
      part("level", HTMLElement).style.width = `${Math.round(meter(rms) * 100)}%`;
      part("meter", HTMLElement).setAttribute("aria-valuenow", String(Math.round(meter(rms) * 100)));
      renderNotice();
    });
  }
  send(kind);
  render();
}

/** Sends the present track of `kind` in place of what was sent; a kind that was not offered needs a new offer. */
function send(kind: Kind): void {
  const track = media.track(kind);
  const sender = connection?.pc.getTransceivers().find((offer) => offer.receiver.track.kind === kind)?.sender;
  if (!connection || (sender?.track ?? undefined) === track) return;
  if (sender) {
    if (kind === "video" && track) track.contentHint = purpose();
    sender.replaceTrack(track ?? null).then(() => (kind === "video" ? fit(sender, purpose()) : undefined)).catch((error: unknown) => {
      trouble = { kind: "capture", error };
      render();
    });
  } else if (track) {
    session.stop();
    session.start();
  }
}

function ended(kind: Kind): void {
  if (kind === "video" && picture() === "screen") {
    trouble = { kind: "share-ended" };
    session.stop();
    media.close();
  } else missing.add(kind);
  render();
}

async function listDevices(): Promise<void> {
  const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  const of = (kind: MediaDeviceKind) => devices.filter((device) => device.kind === kind);
  fillDevices(camera, of("videoinput"), (n) => t("unnamedCamera", { n }), null);
  fillDevices(microphone, of("audioinput"), (n) => t("unnamedMicrophone", { n }), t("noMicrophone"));
}

function renderNotice(): void {
  const microphone = !media.track("audio") ? "none" : media.muted ? "muted" : "open";
  showNotice(notice, noticeFor({ shareEnded: trouble?.kind === "share-ended", microphone, voice, missing, limited }));
}

function explanation(): Explanation | null {
  if (trouble?.kind === "capture") return explainMedia(trouble.error);
  const { state } = debug;
  if (state.kind === "waiting" || state.kind === "refused") return explain(state.failure, lesson.value);
  if (state.kind === "connecting" && state.after) return explain(state.after, lesson.value);
  return null;
}

function render(): void {
  const { state, reading } = debug;
  const wanted = state.kind === "connecting" || state.kind === "live" || state.kind === "waiting";
  const named = isLesson(lesson.value);
  lesson.setAttribute("aria-invalid", String(!named));
  part("lesson-hint", HTMLElement).hidden = named;
  start.dataset["action"] = wanted ? "stop" : "start";
  start.textContent = t(wanted ? "stop" : "start");
  start.prepend(icon(wanted ? "stop" : "live"));
  for (const field of [lesson, token, part("sources", HTMLFieldSetElement), part("pictures", HTMLFieldSetElement)]) field.disabled = wanted;
  const screen = picture() === "screen";
  for (const id of ["camera-field", "quality-field", "open-preview"]) part(id, HTMLElement).hidden = screen;
  part("cover-words", HTMLElement).textContent = t(screen ? "previewScreen" : "previewHint");
  document.getElementById("cover-icon")?.setAttribute("href", `./icons.svg#${screen ? "courseware" : "camera"}`);
  part("cover", HTMLElement).hidden = media.track("video") !== undefined;
  part("sound", HTMLElement).hidden = !media.track("audio");
  muteButton.setAttribute("aria-pressed", String(media.muted));
  muteButton.replaceChildren(icon(media.muted ? "microphone-off" : "microphone"), make("span", "", t(media.muted ? "unmute" : "mute")));
  figures.hidden = reading === null;
  if (reading) showFigures(figures, reading, rate);
  showStatus(status, state, reading, rate);
  showProblem(problem, explanation());
  renderNotice();
  const video = reading ? videoOf(reading) : undefined;
  Object.assign(document.body.dataset, {
    state: state.kind,
    connections: String(debug.connections),
    framesEncoded: String(video?.framesEncoded ?? 0),
    capture: media.track("video")?.readyState ?? "none",
  });
}

/** The picture and microphone that go with a source until somebody chooses otherwise. */
function suggest(): void {
  const screen = source() === "courseware";
  const radio = controls.querySelector<HTMLInputElement>(`input[name=picture][value=${screen ? "screen" : "camera"}]`);
  if (radio) radio.checked = true;
  // The voice comes with the camera; a second microphone on the same lesson would echo.
  if (source() === "courseware" || source() === "board") microphone.value = "none";
  else if (microphone.value === "none" && microphone.options.length > 1) microphone.selectedIndex = 0;
}

async function press(): Promise<void> {
  if (start.dataset["action"] === "stop") {
    session.stop();
    if (picture() === "screen") media.close();
    return render();
  }
  if (!isLesson(lesson.value)) return lesson.focus();
  await media.settled;
  const ready = media.track("video")?.readyState === "live" || (await openMedia());
  if (ready) session.start();
}

async function begin(): Promise<void> {
  const query = new URLSearchParams(location.search);
  lesson.value = query.get("lesson") ?? "demo";
  token.value = tokenOf(location.hash) ?? "";
  part("access", HTMLDetailsElement).open = token.value !== "";
  const asked = query.get("source");
  const radio = controls.querySelector<HTMLInputElement>(`input[name=source][value=${isSource(asked) ? asked : "camera"}]`);
  if (radio) radio.checked = true;
  await listDevices();
  suggest();
  render();
  // Firefox and Safari do not know the permission's name.
  const permission = await navigator.permissions?.query({ name: "camera" as PermissionName }).catch(() => null);
  if (permission?.state === "granted" && picture() === "camera") await openMedia();
}

function bind(): void {
  controls.addEventListener("submit", (event) => {
    event.preventDefault();
    void press();
  });
  lesson.addEventListener("input", render);
  part("open-preview", HTMLButtonElement).addEventListener("click", () => void openMedia());
  muteButton.addEventListener("click", () => {
    media.muted = !media.muted;
    render();
  });
  for (const select of [camera, microphone, quality]) {
    select.addEventListener("change", () => {
      if (media.wanted) void openMedia();
    });
  }
  controls.addEventListener("change", (event) => {
    const { name } = event.target as HTMLInputElement;
    if (name !== "source" && name !== "picture") return;
    if (name === "source") suggest();
    media.close();
    trouble = null;
    render();
  });
  navigator.mediaDevices?.addEventListener("devicechange", () => {
    void listDevices();
    if (missing.size > 0) void media.recover().then((whole) => { if (whole) missing.clear(); });
  });
  part("home", HTMLAnchorElement).addEventListener("click", (event) => {
    event.preventDefault();
    location.href = `./?${new URLSearchParams({ lesson: lesson.value })}${location.hash}`;
  });
}

startLanguage();
stayAwake();
bind();
inWords(() => {
  void listDevices();
  render();
});
void begin();
