import { describe, expect, it } from 'vitest';
import { parseRemotePath } from '../remote-path.js';
import { conditionOf, isListed, lastModifiedOf, partIsOf, tagOf } from './file-tag.js';

const entry = {
  name: 'a',
  path: parseRemotePath('a'),
  size: 5,
  isDir: false,
  modifiedAt: '2026-11-20T09:00:00.789Z',
};
const tag = tagOf(entry);
const [before, exact, after] = [
  'Fri, 20 Nov 2026 08:59:59 GMT',
  'Fri, 20 Nov 2026 09:00:00 GMT',
  'Fri, 20 Nov 2026 09:00:01 GMT',
];

describe('the tag of a file', () => {
  it('differs with its size and its time, and is one that headers may have', () => {
    expect(tag).toMatch(/^"[0-9a-z]+-[0-9a-z]+"$/);
    expect(tagOf({ ...entry, size: 6 })).not.toBe(tag);
    expect(tagOf({ ...entry, modifiedAt: '2026-11-20T09:00:00.790Z' })).not.toBe(tag);
    expect(tagOf({ ...entry, modifiedAt: '1969-01-01T00:00:00.000Z', size: null })).toMatch(/^"[0-9a-z-]+"$/);
  });

  it('is found in lists, weak or not', () => {
    for (const header of [tag, `W/${tag}`, `"x", ${tag}`, '*']) expect(isListed(header, tag)).toBe(true);
    for (const header of ['', '"x"', tag.slice(1, -1)]) expect(isListed(header, tag)).toBe(false);
  });

  it('comes with a date in whole seconds', () => expect(lastModifiedOf(entry)).toBe(exact));
});

describe('conditionOf', () => {
  it.each([
    [{}, 'go on'],
    [{ 'if-none-match': tag }, 'unchanged'],
    [{ 'if-none-match': '"x"' }, 'go on'],
    // The tag decides where both are given.
    [{ 'if-none-match': '"x"', 'if-modified-since': after }, 'go on'],
    [{ 'if-modified-since': exact }, 'unchanged'],
    [{ 'if-modified-since': after }, 'unchanged'],
    [{ 'if-modified-since': before }, 'go on'],
    [{ 'if-modified-since': 'yesterday' }, 'go on'],
    [{ 'if-match': tag }, 'go on'],
    [{ 'if-match': '"x"' }, 'failed'],
    [{ 'if-match': tag, 'if-unmodified-since': before }, 'go on'],
    [{ 'if-unmodified-since': exact }, 'go on'],
    [{ 'if-unmodified-since': before }, 'failed'],
    [{ 'if-unmodified-since': 'never' }, 'go on'],
    [{ 'if-match': '"x"', 'if-none-match': tag }, 'failed'],
  ])('%j: %s', (headers, condition) => expect(conditionOf(headers, entry)).toBe(condition));
});

it.each([
  [undefined, true],
  [tag, true],
  [exact, true],
  [`W/${tag}`, false],
  ['"x"', false],
  [after, false],
  [before, false],
  ['', false],
])('If-Range %j allows a part: %s', (header, allowed) =>
  expect(partIsOf(header === undefined ? {} : { 'if-range': header }, entry)).toBe(allowed),
);
