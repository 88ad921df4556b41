import { PassThrough, Readable, pipeline } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { Gate, LengthError, begun } from './gate.js';

const rules = { idleMs: 60_000, idle: () => new Error('idle') };
const through = (gate: Gate, ...chunks: string[]): Promise<Buffer> => {
  pipeline(Readable.from(chunks.map((chunk) => Buffer.from(chunk))), gate, () => undefined);
  return buffer(gate);
};

describe('Gate', () => {
  it('lets through what was promised, and counts', async () => {
    const gate = new Gate({ ...rules, exactly: 5 });
    expect((await through(gate, 'ab', 'cde')).toString()).toBe('abcde');
    expect(gate.bytes).toBe(5);
    expect((await through(new Gate(rules))).length).toBe(0);
  });

  it('fails for more bytes than were promised, and for fewer', async () => {
    await expect(through(new Gate({ ...rules, exactly: 4 }), 'abcde')).rejects.toThrow(LengthError);
    await expect(through(new Gate({ ...rules, exactly: 6 }), 'abcde')).rejects.toThrow(LengthError);
  });

  it('fails with the error of its owner where there is a limit', async () => {
    const tooMuch = (): Error => new Error('too much');
    expect((await through(new Gate({ ...rules, atMost: 5, tooMuch }), 'abcde')).length).toBe(5);
    await expect(through(new Gate({ ...rules, atMost: 4, tooMuch }), 'abcde')).rejects.toThrow('too much');
  });

  it('fails when nothing goes through it, and takes its source with it', async () => {
    const source = new PassThrough();
    const gate = new Gate({ ...rules, idleMs: 1 });
    pipeline(source, gate, () => undefined);
    await expect(buffer(gate)).rejects.toThrow('idle');
    expect(source.destroyed).toBe(true);
  });
});

describe('begun', () => {
  it('waits for the first bytes and takes none', async () => {
    const source = new PassThrough();
    const waiting = begun(source);
    source.end('abc');
    await waiting;
    expect((await buffer(source)).toString()).toBe('abc');
  });

  it('is there for an empty stream, too', async () => {
    const source = Readable.from([]);
    await begun(source);
    expect((await buffer(source)).length).toBe(0);
  });

  it('throws what the stream failed with before it gave anything', async () => {
    const source = new PassThrough();
    const waiting = begun(source);
    source.destroy(new Error('away'));
    await expect(waiting).rejects.toThrow('away');
    await expect(begun(source)).rejects.toThrow('away');
    const closed = new PassThrough();
    const silent = begun(closed);
    closed.destroy();
    await expect(silent).rejects.toThrow(LengthError);
  });
});
