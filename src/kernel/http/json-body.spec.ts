import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJson, repeatedKey } from './json-body.js';

/** The plain way, as the grammar says it: reads every value, knows the keys of every object. */
function reference(json: string): string | null {
  let at = 0;
  const space = (): void => {
    while (/\s/.test(json[at] ?? '')) at += 1;
  };
  const text = (): string => {
    const from = at++;
    while (json[at] !== '"') at += json[at] === '\\' ? 2 : 1;
    return JSON.parse(json.slice(from, ++at)) as string;
  };
  const escape = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1');
  const value = (pointer: string): string | null => {
    space();
    if (json[at] === '"') {
      text();
      return null;
    }
    if (json[at] === '{' || json[at] === '[') {
      const isObject = json[at++] === '{';
      const keys = new Set<string>();
      for (let index = 0; ; index++) {
        space();
        if (json[at] === '}' || json[at] === ']') {
          at += 1;
          return null;
        }
        let place = `${pointer}/${index}`;
        if (isObject) {
          const key = text();
          place = `${pointer}/${escape(key)}`.toWellFormed();
          if (keys.has(key)) return place;
          keys.add(key);
          space();
          at += 1; // the colon
        }
        const found = value(place);
        if (found !== null) return found;
        space();
        if (json[at] === ',') at += 1;
      }
    }
    while (at < json.length && !/[\s,\]}]/.test(json[at] ?? '')) at += 1;
    return null;
  };
  return value('');
}

const space = fc.constantFrom('', ' ', '\n\t', '  ');
const key = fc.oneof(
  fc.constantFrom(
    '"a"',
    '"\\u0061"',
    '"b"',
    '""',
    '"a/b"',
    '"~"',
    '"\\""',
    '"\\\\"',
    '"\\\\\\""',
    '"{,"',
    '"]"',
  ),
  fc.constantFrom(
    '"سلام"',
    '"\\ud83d\\ude00"',
    '"😀"',
    '"__proto__"',
    '"\\u005f_proto__"',
    '"\\ud800"',
    '"ไทย"',
  ),
);
const json = fc.letrec<{ value: string; object: string; array: string }>((tie) => ({
  object: fc
    .array(fc.tuple(space, key, space, tie('value')), { maxLength: 5 })
    .map((members) => `{${members.map(([a, k, b, v]) => `${a}${k}${b}:${a}${v}${b}`).join(',')}}`),
  array: fc
    .array(fc.tuple(space, tie('value')), { maxLength: 4 })
    .map((items) => `[${items.map(([a, v]) => `${a}${v}${a}`).join(',')}]`),
  value: fc.oneof(
    { depthSize: 'small' },
    key,
    fc.constantFrom('1', '-1.5e3', 'true', 'false', 'null', '"a,b"', '"\\\\"'),
    tie('object'),
    tie('array'),
  ),
}));

describe('repeated keys of JSON', () => {
  it.each([
    ['{"a":1,"a":2}', '/a'],
    ['{"a":1,"\\u0061":2}', '/a'],
    ['{"a":{"b":[0,{"c":1,"d":2,"c":3}]}}', '/a/b/1/c'],
    ['[{"x/y~z":1,"x/y~z":1}]', '/0/x~1y~0z'],
    ['{"role":"user","nested":{},"role":"admin"}', '/role'],
    ['{"":1,"":2}', '/'],
    ['{"کلید":1,"کلید":2}', '/کلید'],
    ['{"\\ud800":1,"\\ud800":2}', '/\ufffd'],
    ['{"__proto__":1,"__proto__":2}', '/__proto__'],
  ])('are found in %s', (text, pointer) => expect(repeatedKey(text)).toBe(pointer));

  it.each([
    '{}',
    '[]',
    '"a"',
    '7',
    'null',
    '{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}',
    '{"a":"b","b":"a","c":"\\"a\\":1,\\"a\\""}',
    '{"a\\\\":1,"a":2}',
    '{"A":1,"a":2}',
    '{"é":1,"e\u0301":2}',
    '["a","a","a"]',
  ])('are none in %s', (text) => expect(repeatedKey(text)).toBeNull());

  it('are found where the grammar says', () => {
    fc.assert(
      fc.property(json.value, (value) => {
        expect(repeatedKey(value)).toBe(reference(value));
      }),
      { numRuns: 2_000 },
    );
  });

  it('are looked for without recursion', () => {
    expect(repeatedKey('['.repeat(500_000) + ']'.repeat(500_000))).toBeNull();
    expect(repeatedKey(`{"a":`.repeat(100_000) + '1' + '}'.repeat(100_000))).toBeNull();
  });
});

describe('a JSON body', () => {
  it('is what JSON.parse says, a byte order mark aside', () => {
    expect(parseJson('\ufeff{"a":[1]}')).toEqual({ a: [1] });
    expect(parseJson(' null ')).toBeNull();
  });

  it('keeps keys of prototypes as plain keys, for them to be refused by name', () => {
    const value = parseJson('{"__proto__":{"isAdmin":true}}');
    expect(Object.keys(value as object)).toEqual(['__proto__']);
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });

  it.each(['{', '', '\ufeff', "{'a':1}", '{"a":1}}', 'undefined', '{"a":01}', '"\n"'])(
    'is refused: %j',
    (text) =>
      expect(() => parseJson(text)).toThrow(expect.objectContaining({ status: 400, code: 'malformed_json' })),
  );
});
