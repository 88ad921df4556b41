import { UserError } from './errors.js';

/**
 * A JSON body, or `UserError` 400: `malformed_json` for what is none, `json_key_duplicated` naming the place where an
 * object has the same key twice. JSON.parse keeps the last of them, something in front of us may look at the first,
 * and what was checked would not be what is done (RFC 8259 §4). Keys of prototypes become plain own keys here;
 * `refuseUnstorable` refuses them.
 */
export function parseJson(text: string): unknown {
  const json = text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text;
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw UserError.malformed('The body is not valid JSON.', [], 'malformed_json');
  }
  const pointer = repeatedKey(json);
  if (pointer === null) return value;
  const detail = 'is there more than once in its object';
  throw UserError.malformed(
    `${pointer} ${detail}`,
    [{ pointer, code: 'json_key_duplicated', detail }],
    'json_key_duplicated',
  );
}

const BYTE_ORDER_MARK = 0xfeff;
const QUOTE = 0x22;
const COMMA = 0x2c;
const ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const ARRAY_END = 0x5d;
const OBJECT = 0x7b;
const OBJECT_END = 0x7d;

/** An object or array that is open at this place of the text. */
interface Level {
  /** Null for an array. */
  readonly keys: Set<string> | null;
  key: string;
  index: number;
  /** The next text is a key, not a value. */
  expectsKey: boolean;
}

/**
 * JSON Pointer of the first key that its object has twice, or null. `json` must be valid JSON: only texts and brackets
 * need to be looked at then. No recursion, because the text may be nested as deeply as its length allows.
 */
export function repeatedKey(json: string): string | null {
  const levels: Level[] = [];
  let level: Level | undefined;
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) {
      const end = endOfText(json, at);
      if (level?.expectsKey) {
        level.expectsKey = false;
        level.key = textAt(json, at, end);
        if (level.keys?.has(level.key)) return pointerOf(levels);
        level.keys?.add(level.key);
      }
      at = end;
    } else if (code === COMMA) {
      if (level?.keys) level.expectsKey = true;
      else if (level) level.index += 1;
    } else if (code === OBJECT || code === ARRAY) {
      const isObject = code === OBJECT;
      level = { keys: isObject ? new Set() : null, key: '', index: 0, expectsKey: isObject };
      levels.push(level);
    } else if (code === OBJECT_END || code === ARRAY_END) {
      levels.pop();
      level = levels.at(-1);
    }
  }
  return null;
}

/** Where the text that begins at the quotation mark `from` ends. */
function endOfText(json: string, from: number): number {
  let end = json.indexOf('"', from + 1);
  while (isEscaped(json, end)) end = json.indexOf('"', end + 1);
  return end;
}

function isEscaped(json: string, at: number): boolean {
  let backslashes = 0;
  while (json.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes += 1;
  return backslashes % 2 === 1;
}

/** "a" and "\u0061" are the same key. */
function textAt(json: string, from: number, end: number): string {
  const raw = json.slice(from + 1, end);
  return raw.includes('\\') ? (JSON.parse(json.slice(from, end + 1)) as string) : raw;
}

const pointerOf = (levels: readonly Level[]): string =>
  levels
    .map(({ keys, key, index }) =>
      keys === null ? `/${index}` : `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`,
    )
    .join('')
    .toWellFormed();
