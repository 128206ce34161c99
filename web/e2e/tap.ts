/** A way of a page's UDP to the relay on which a test sees what kind of packets go by. RTP headers are not encrypted (RFC 3711 §3.1). */

import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";

const HOST = "127.0.0.1";

export class Tap {
  readonly #front: Socket;
  readonly #ways = new Map<string, Socket>();
  /** Packets sent to the relay, by RTP payload type. */
  readonly sent = new Map<number, number>();

  private constructor(front: Socket, target: number) {
    this.#front = front;
    front.on("message", (packet, client) => {
      this.#count(packet);
      this.#way(client).send(packet, target, HOST);
    });
  }

  /** A way to a port of the relay's. */
  static async to(target: number): Promise<Tap> {
    const front = createSocket("udp4").bind(0, HOST);
    await once(front, "listening");
    return new Tap(front, target);
  }

  get port(): number {
    return this.#front.address().port;
  }

  close(): void {
    for (const socket of [this.#front, ...this.#ways.values()]) socket.close();
  }

  /** The relay tells clients apart by their ports. */
  #way({ address, port }: RemoteInfo): Socket {
    const name = `${address}:${port}`;
    const known = this.#ways.get(name);
    if (known) return known;
    const way = createSocket("udp4").on("message", (packet) => this.#front.send(packet, port, address));
    this.#ways.set(name, way);
    return way;
  }

  /** Of RTP only (RFC 7983 §7), without RTCP (RFC 5761 §4). */
  #count(packet: Buffer): void {
    const [first = 0, second = 0] = packet;
    if (first < 128 || first > 191 || (second >= 192 && second <= 223)) return;
    this.sent.set(second & 0x7f, (this.sent.get(second & 0x7f) ?? 0) + 1);
  }
}
