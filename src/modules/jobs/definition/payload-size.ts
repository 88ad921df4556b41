import { UserError } from '../../../kernel/http/index.js';

/** Refuses a payload that takes more bytes of JSON than its type allows: 413, naming where it stands. */
export function refuseLargePayload(payload: unknown, maxBytes: number, pointer: string): void {
  const bytes = Buffer.byteLength(JSON.stringify(payload) ?? '');
  if (bytes <= maxBytes) return;
  const place = `${pointer}/payload`;
  const detail = `has ${bytes} bytes of JSON, more than the ${maxBytes} its job type takes`;
  throw new UserError(413, 'payload_too_large', `${place} ${detail}`, [
    { pointer: place, code: 'payload_too_large', detail },
  ]);
}
