/** The rungs of the ladder from the best down. */

import type { Opener } from "./ladder";
import { Http } from "./transports/http";
import { Socket } from "./transports/socket";
import type { Rung } from "./transports/transport";
import { WebRtc } from "./transports/webrtc";
import type { Track } from "./wire";

const RUNGS: Rung[] = ["webrtc", "socket", "http"];

/** How to open one session's transports, the best first. */
export function openersOf(sessionId: string, tracks: Track[], only?: Rung): Opener[] {
  const openers: Record<Rung, Opener> = {
    webrtc: (receiver, signal) => WebRtc.open(sessionId, tracks, receiver, signal),
    socket: (receiver, signal) => Socket.open(sessionId, receiver, signal),
    http: (receiver, signal) => Http.open(sessionId, tracks, receiver, signal),
  };
  return (only ? [only] : RUNGS).map((rung) => openers[rung]);
}
