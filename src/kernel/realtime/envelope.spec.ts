import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeMessage, fits, pack, unpack } from './envelope.js';

const MAX = 1_000;
const awkward = fc.constantFrom('a', 'ก', '😀', '\0', '\n', '"', '\\', '\ud800', '\u2028');

describe('pack', () => {
  it('keeps every message and its order, in texts below the limit', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.string({ maxLength: 20 }),
            fc.record({ text: fc.string({ unit: awkward, maxLength: 60 }) }),
          ),
          { maxLength: 80 },
        ),
        (messages) => {
          const encoded = messages.map(([topic, message]) => encodeMessage(topic, message));
          expect(encoded.every((one) => fits(one, MAX))).toBe(true);
          const payloads = pack('me', encoded, MAX);
          for (const payload of payloads) expect(Buffer.byteLength(payload)).toBeLessThanOrEqual(MAX);
          const received = payloads.flatMap((payload) => unpack(payload)!.messages);
          expect(received.map((one) => JSON.stringify(one))).toEqual([...new Set(encoded)]);
        },
      ),
    );
  });

  it('sends what is identical once', () => {
    const doorbell = encodeMessage('events', {});
    expect(pack('me', [doorbell, doorbell, doorbell], MAX)).toEqual([
      `{"from":"me","messages":[["events",{}]]}`,
    ]);
  });

  it('knows what does not fit', () => {
    expect(fits(encodeMessage('topic', { text: 'ก'.repeat(290) }), MAX)).toBe(true);
    expect(fits(encodeMessage('topic', { text: 'ก'.repeat(300) }), MAX)).toBe(false);
  });
});

it('unpack answers null for what is no envelope', () => {
  for (const text of [
    '',
    'hello',
    '[]',
    '{}',
    '{"from":1,"messages":[]}',
    '{"from":"x","messages":[["t",1]]}',
  ])
    expect(unpack(text)).toBeNull();
});
