/** One attempt at one connection: offer, POST, answer, and waiting until ICE and DTLS are up. */

import { ConnectError, create, end, type Resource } from "./resource";

/** What to connect: made anew for every attempt. */
export interface Plan {
  /** With its transceivers added, nothing negotiated yet. */
  readonly pc: RTCPeerConnection;
  /** Absolute address to POST the offer to. */
  readonly endpoint: string;
  readonly token: string | null;
  /** What to change in the answer before the browser reads it. */
  readonly adapt?: (answer: string) => string;
}

/** A connection that carries media. */
export interface Connection extends Plan {
  readonly resource: Resource;
}

/** The relay is ICE-lite and needs none of our candidates to answer; gathering is a courtesy to other servers. */
const GATHER_WITHIN_MS = 1_000;
const CONNECT_WITHIN_MS = 6_000;

/** Resolves when `holds()` does, which is asked again at every `event` of `target`; rejects with `signal`'s reason. */
function until(target: EventTarget, event: string, holds: () => boolean, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = new AbortController();
    const look = () => {
      if (!holds()) return;
      done.abort();
      resolve();
    };
    const stop = () => {
      done.abort();
      reject(signal.reason);
    };
    if (signal.aborted) return stop();
    signal.addEventListener("abort", stop, { signal: done.signal });
    target.addEventListener(event, look, { signal: done.signal });
    look();
  });
}

/** Connects, or throws (a {@link ConnectError}, or the reason of `signal`) and leaves nothing behind. */
export async function open(plan: Plan, signal: AbortSignal): Promise<Connection> {
  const { pc, endpoint, token } = plan;
  let resource: Resource | null = null;
  try {
    await browser(async () => pc.setLocalDescription(await pc.createOffer()));
    await until(pc, "icegatheringstatechange", () => pc.iceGatheringState === "complete",
      AbortSignal.any([signal, AbortSignal.timeout(GATHER_WITHIN_MS)])).catch(() => signal.throwIfAborted());
    resource = await create(endpoint, pc.localDescription?.sdp ?? "", token, signal);
    const answer = plan.adapt?.(resource.answer) ?? resource.answer;
    await browser(() => pc.setRemoteDescription({ type: "answer", sdp: answer }));
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_WITHIN_MS)]);
    await until(pc, "connectionstatechange", () => pc.connectionState !== "new" && pc.connectionState !== "connecting", inTime)
      .catch(() => signal.throwIfAborted());
    if (pc.connectionState !== "connected") throw new ConnectError({ kind: "media" });
    return { ...plan, resource };
  } catch (error) {
    pc.close();
    if (resource) end(resource, token);
    throw error;
  }
}

/** Lets go of a connection on both sides. */
export function close(connection: Connection): void {
  connection.pc.close();
  end(connection.resource, connection.token);
}

/** A step only the browser can fail at. */
async function browser(step: () => Promise<void>): Promise<void> {
  try {
    await step();
  } catch (error) {
    throw new ConnectError({ kind: "browser", detail: error instanceof Error ? error.message : String(error) });
  }
}
