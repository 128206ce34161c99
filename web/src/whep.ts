/** Watching: what a WHEP offer of ours contains, and which slot an arriving track belongs to. */

import type { Plan } from "./connection";

/** A slot of the lesson; its name is the MediaStream id in the relay's answer. */
export const SLOTS = ["camera", "courseware", "stage-1"] as const;
export type Slot = (typeof SLOTS)[number];

export interface Arrival {
  readonly slot: Slot;
  readonly track: MediaStreamTrack;
  readonly mid: string;
}

/** Short, so that a called room can talk with the teacher; long enough for one retransmission. The browser goes higher by itself. */
const BUFFER_MS = 80;

const isSlot = (name: string | undefined): name is Slot => SLOTS.some((slot) => slot === name);

/** Slot of a track: by MediaStream id, or by the order of the offer's m-lines of its kind for servers that set none. */
export function slotOf(streamId: string | undefined, indexOfKind: number): Slot | null {
  if (isSlot(streamId)) return streamId;
  return SLOTS[indexOfKind] ?? null;
}

/** A connection that receives every slot, ready to be opened. Audio comes from the teacher and from the stage. */
export function whep(endpoint: string, token: string | null, arrived: (arrival: Arrival) => void): Plan {
  const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  const offered = { video: SLOTS, audio: ["camera", "stage-1"] as const };
  const transceivers = (["video", "audio"] as const).flatMap((kind) =>
    offered[kind].map((slot) => ({ slot, transceiver: pc.addTransceiver(kind, { direction: "recvonly" }) })));
  for (const { transceiver } of transceivers) {
    const receiver: RTCRtpReceiver & { jitterBufferTarget?: number | null } = transceiver.receiver;
    receiver.jitterBufferTarget = BUFFER_MS;
  }
  pc.addEventListener("track", ({ track, streams, transceiver }) => {
    const place = transceivers.find((offer) => offer.transceiver === transceiver);
    const slot = slotOf(streams[0]?.id, place ? SLOTS.indexOf(place.slot) : -1);
    if (slot && transceiver.mid !== null) arrived({ slot, track, mid: transceiver.mid });
  });
  return { pc, endpoint, token };
}
