import fc from 'fast-check';

interface Schema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly format?: string;
}

/** Text that has broken somebody's program before. */
const TEXTS = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\ud800',
  'x\udc00y',
  '\u202eright to left',
  'سلام دنیا',
  '한국어',
  'สวัสดี',
  'Привет',
  '👩‍👩‍👧‍👦',
  'é and e\u0301',
  '../../../etc/passwd',
  'a:b:c',
  "'; drop table jobs; --",
  '-rf',
  '\r\nX-Injected: 1',
  '2026-02-30T25:61:00Z',
  'NaN',
  '9007199254740993',
  'x'.repeat(20_000),
];
const NUMBERS = [0, -0, -1, 0.1, 11, 2 ** 31, 2 ** 53, Number.MAX_VALUE, -Number.MAX_VALUE, 5e-324];

/** 200 levels. */
const DEEP: unknown = Array.from({ length: 200 }).reduce<unknown>((inside) => [inside], 'deep');
// As JSON.parse makes them: own properties with these names.
const POLLUTING: readonly unknown[] = [
  JSON.parse('{"__proto__":{"isAdmin":true}}'),
  JSON.parse('{"constructor":{"prototype":{"isAdmin":true}}}'),
];

const WORST: readonly unknown[] = [...TEXTS, ...NUMBERS, null, true, [], {}, DEEP, ...POLLUTING];
const garbage = fc.oneof(
  fc.constantFrom(...WORST),
  fc.string({ unit: 'binary', maxLength: 50 }),
  fc.jsonValue({ maxDepth: 3, stringUnit: 'binary' }),
);

/** Places of an example that each of the worst values is tried at. */
const PLACES_EACH = 3;

/** Each of the values that have broken something before, at some places of the example in turn. */
export function worstPayloads(example: object, seed: number): unknown[] {
  const places = placesIn(example);
  return WORST.flatMap((value, index) =>
    Array.from({ length: Math.min(PLACES_EACH, places.length) }, (_, offset) =>
      changed(example, places[(seed + index + offset) % places.length] ?? [], () => value),
    ),
  );
}

/**
 * Payloads for a job type: by its JSON Schema, like an example of it with something wrong, and garbage. Every one
 * can be written as JSON.
 */
export function payloadsLike(example: object, schema: object): fc.Arbitrary<unknown> {
  const places = placesIn(example);
  const place = fc.constantFrom(...places);
  return fc.oneof(
    {
      weight: 4,
      arbitrary: fc.tuple(place, garbage).map(([at, value]) => changed(example, at, () => value)),
    },
    { weight: 3, arbitrary: fromSchema(schema as Schema) },
    { weight: 1, arbitrary: place.map((at) => changed(example, at, () => undefined)) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.constantFrom('extra', '__proto__', 'constructor', '', '0', 'ключ'), garbage)
        .map(([key, value]) => withKey(example, key, value)),
    },
    { weight: 1, arbitrary: garbage },
  );
}

type Place = readonly (string | number)[];

function placesIn(value: unknown, at: Place = []): Place[] {
  if (value === null || typeof value !== 'object') return [at];
  const inner = Object.entries(value).flatMap(([key, part]) => placesIn(part, [...at, key]));
  return at.length > 0 ? [at, ...inner] : inner.length > 0 ? inner : [['extra']];
}

function changed(value: unknown, [key, ...rest]: Place, make: (old: unknown) => unknown): unknown {
  if (key === undefined) return make(value);
  const copy: Record<string, unknown> | unknown[] = Array.isArray(value)
    ? [...value]
    : { ...(value as object) };
  (copy as Record<string, unknown>)[key] = changed((value as Record<string, unknown>)[key], rest, make);
  return copy;
}

/** Also `__proto__` as a key like any other. */
function withKey(example: object, key: string, value: unknown): object {
  const copy = { ...example };
  Object.defineProperty(copy, key, { value, enumerable: true, configurable: true, writable: true });
  return copy;
}

function fromSchema(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const several = schema.anyOf ?? schema.oneOf;
  if (several && several.length > 0) return fc.oneof(...several.map(fromSchema));
  const { minimum = -1e6, maximum = 1e6 } = schema;
  switch (schema.type) {
    case 'object':
      return fc.record(
        Object.fromEntries(
          Object.entries(schema.properties ?? {}).map(([key, part]) => [key, fromSchema(part)]),
        ),
        { requiredKeys: [...(schema.required ?? [])] },
      );
    case 'array':
      return fc.array(fromSchema(schema.items ?? {}), { maxLength: 4 });
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.maxSafeInteger().map((value) => Math.max(minimum, Math.min(maximum, value)));
    case 'number':
      return fc.double({ min: minimum, max: maximum, noNaN: true });
    case 'null':
      return fc.constant(null);
    case 'string':
      if (schema.format === 'uuid') return fc.uuid({ version: 7 });
      return fc.oneof(
        fc.string({ unit: 'grapheme', maxLength: Math.min(schema.maxLength ?? 50, 50) }),
        fc.constant('/'),
        fc.webPath(),
      );
    default:
      return garbage;
  }
}
