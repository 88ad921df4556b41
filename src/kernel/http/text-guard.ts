import { UserError } from './errors.js';

/** How deep a JSON body may be nested; deeper ones are refused before any recursive code sees them. */
const MAX_DEPTH = 32;

/** The platform takes these keys out of every input without a word, so data under them would be lost unnoticed. */
const RESERVED: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * Refuses what PostgreSQL cannot store or what would poison a queue: U+0000 and lone surrogates in any string
 * or key, numbers beyond the range of a double (they would be stored as null), keys of prototypes, and nesting
 * beyond `MAX_DEPTH`. Names the place by JSON Pointer. `where` is the part of the request.
 */
export function refuseUnstorable(value: unknown, where: 'body' | 'query' | 'path'): void {
  walk(value, '', 0, where);
}

function walk(value: unknown, pointer: string, depth: number, where: string): void {
  if (typeof value === 'string') return checkText(value, pointer, where);
  if (typeof value === 'number' && !Number.isFinite(value))
    throw UserError.field(
      pointer === '' ? `/${where}` : pointer,
      'number_too_large',
      'is too large a number',
    );
  if (value === null || typeof value !== 'object') return;
  if (depth >= MAX_DEPTH)
    throw UserError.field(pointer, 'too_deep', `is nested deeper than ${MAX_DEPTH} levels`);
  for (const [key, inner] of Object.entries(value)) {
    const place = `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    checkText(key, place, where);
    if (RESERVED.has(key)) throw UserError.field(place, 'reserved_name', 'is a reserved name');
    walk(inner, place, depth + 1, where);
  }
}

function checkText(text: string, pointer: string, where: string): void {
  const place = pointer === '' ? `/${where}` : pointer;
  if (text.includes('\0'))
    throw UserError.field(place.replaceAll('\0', '␀'), 'nul_character', 'contains the character U+0000');
  if (!text.isWellFormed())
    throw UserError.field(place.toWellFormed(), 'malformed_unicode', 'contains a lone surrogate');
}
