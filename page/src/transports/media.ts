/** One binary frame of the socket: a picture or a packet of sound, behind a header of 16 bytes, big endian. */

const HEADER_BYTES = 16;
const CODECS = ["vp8", "vp9", "av1", "opus"] as const;

export type Codec = (typeof CODECS)[number];

export interface MediaFrame {
  kind: "video" | "audio";
  /** Index in the list of tracks that the server opens with. */
  track: number;
  codec: Codec;
  isKey: boolean;
  /** 90 kHz of a picture, 48 kHz of sound; begins anew after 32 bits. */
  timestamp: number;
  width: number;
  height: number;
  payload: Uint8Array<ArrayBuffer>;
}

/** Reads one frame; null when it is of no kind that this page knows. */
export function decodeMedia(buffer: ArrayBuffer): MediaFrame | null {
  if (buffer.byteLength <= HEADER_BYTES) return null;
  const header = new DataView(buffer);
  const codec = CODECS[header.getUint8(2)];
  const kind = header.getUint8(0);
  if (codec === undefined || kind > 1 || (kind === 1) !== (codec === "opus")) return null;
  return {
    kind: kind === 0 ? "video" : "audio",
    track: header.getUint8(1),
    codec,
    isKey: (header.getUint8(3) & 1) === 1,
    timestamp: header.getUint32(4),
    width: header.getUint16(8),
    height: header.getUint16(10),
    payload: new Uint8Array(buffer, HEADER_BYTES),
  };
}
