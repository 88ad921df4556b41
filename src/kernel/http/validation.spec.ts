import { describe, expect, it } from 'vitest';
import { nameOf } from './validation.js';

describe('a name', () => {
  const name = nameOf(5);
  it.each(['a', 'Müller'.slice(0, 5), 'سلام', '안녕', 'ไทย', 'a b', '😀😀😀😀😀', 'e\u0301', 'می\u200Cر'])(
    'may be %j',
    (value) => {
      expect(name.safeParse(value).success).toBe(true);
    },
  );
  it.each([
    ['', 'must have 1 to 5 characters'],
    ['abcdef', 'must have 1 to 5 characters'],
    ['a\nb', 'must not contain control characters'],
    ['a\u202Eb', 'must not contain control characters'],
    ['a\u2066b', 'must not contain control characters'],
    ['a\u2028b', 'must not contain control characters'],
    [' a', 'must not begin or end with a space'],
    ['\u200B', 'must have a character that can be seen'],
    [5, 'must be a text'],
  ])('may not be %j', (value, message) => {
    expect(name.safeParse(value).error?.issues.map((issue) => issue.message)).toContain(message);
  });
});
