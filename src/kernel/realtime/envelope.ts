import { z } from 'zod';

/** Messages of one process as they travel; `from` lets the sender recognise and drop its own. */
const envelope = z.object({ from: z.string(), messages: z.array(z.tuple([z.string(), z.looseObject({})])) });
export type Envelope = z.output<typeof envelope>;

/** One message as JSON: `[topic, message]`. */
export const encodeMessage = (topic: string, message: object): string => JSON.stringify([topic, message]);

/** Space that an envelope takes apart from its messages, generously. */
const FRAME_BYTES = 100;

/** Whether an encoded message fits into an envelope of `maxBytes` at all. */
export const fits = (encoded: string, maxBytes: number): boolean =>
  Buffer.byteLength(encoded) + FRAME_BYTES <= maxBytes;

/**
 * Packs encoded messages, in order, into as few texts of at most `maxBytes` as that allows. Identical messages
 * are packed once: many doorbells of one moment are one doorbell. Each must fit by itself.
 */
export function pack(from: string, encoded: readonly string[], maxBytes: number): string[] {
  const payloads: string[] = [];
  let group: string[] = [];
  let size = FRAME_BYTES;
  const close = () => {
    if (group.length > 0) payloads.push(`{"from":${JSON.stringify(from)},"messages":[${group.join(',')}]}`);
    group = [];
    size = FRAME_BYTES;
  };
  for (const message of new Set(encoded)) {
    const bytes = Buffer.byteLength(message) + 1;
    if (size + bytes > maxBytes) close();
    group.push(message);
    size += bytes;
  }
  close();
  return payloads;
}

/** The envelope in a text, or null when the text is none: anybody with access to the server can send one. */
export function unpack(payload: string): Envelope | null {
  try {
    return envelope.parse(JSON.parse(payload));
  } catch {
    return null;
  }
}
