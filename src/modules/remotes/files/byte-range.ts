import type { ByteRange } from '../engine/transfer-engine.js';

/**
 * What the header Range asks of a file of `size` bytes (RFC 9110 §14): one range, the whole file (`null`), or
 * nothing the file has. Several ranges, another unit than bytes and what is malformed mean the whole file, as the
 * RFC allows: answers in several parts are what range attacks live on.
 */
export function rangeOf(header: string | undefined, size: number): ByteRange | null | 'unsatisfiable' {
  const [, first, last] = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(header ?? '') ?? [];
  if (first === undefined || last === undefined || first + last === '') return null;
  if (first === '') {
    const length = Math.min(whole(last), size);
    return length === 0 ? 'unsatisfiable' : { from: size - length, to: size - 1 };
  }
  const [from, to] = [whole(first), last === '' ? Infinity : whole(last)];
  if (to < from) return null;
  return from >= size ? 'unsatisfiable' : { from, to: Math.min(to, size - 1) };
}

/** Beyond what a number holds exactly a file has no bytes. */
function whole(digits: string): number {
  const value = Number(digits);
  return Number.isSafeInteger(value) ? value : Infinity;
}
