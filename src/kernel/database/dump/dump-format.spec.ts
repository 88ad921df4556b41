import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headOf, linesOf, readHead } from './dump-format.js';

async function* cut(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (const size of sizes) yield bytes.subarray(at, (at += size));
  yield bytes.subarray(at);
}

async function all(source: AsyncIterable<Uint8Array>, most = 1_000): Promise<string[]> {
  const found: string[] = [];
  for await (const line of linesOf(source, most)) found.push(line.toString());
  return found;
}

describe('lines', () => {
  it('are the same however the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'binary', maxLength: 20 }).map((line) => line.replaceAll('\n', ' '))),
        fc.array(fc.integer({ min: 0, max: 9 })),
        async (lines, sizes) => {
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
          expect(await all(cut(bytes, sizes))).toEqual(lines.map((line) => Buffer.from(line).toString()));
        },
      ),
    );
  });

  it('need no end, and must not be endless', async () => {
    expect(await all(cut(Buffer.from('a\nb'), [1, 1]))).toEqual(['a', 'b']);
    await expect(all(cut(Buffer.alloc(40, 'x'), [9, 9, 9]), 20)).rejects.toThrow(/longer than 20 bytes/);
  });
});

it('a head is read as it was written, and nothing else is one', () => {
  const head = { schema: 'CreateJobs20261120090500', at: '2026-11-21T02:00:00.000Z' };
  expect(readHead(headOf(head))).toEqual(head);
  for (const line of ['', '-- PostgreSQL database dump', 'drop table users;', `${headOf(head)} more`])
    expect(readHead(line)).toBeNull();
});
