import { UserError } from './errors.js';

/**
 * Header fields that can have one value only. Of several the server keeps the first or joins them, and something in
 * front of us may have looked at another one: what was checked there would not be what is done here.
 */
const SINGLE: ReadonlySet<string> = new Set([
  'authorization',
  'content-length',
  'content-type',
  'host',
  'idempotency-key',
  'if-match',
]);

/**
 * `UserError` 400 `header_duplicated` naming the field, which `report` is told, too: it may be an attempt to be taken
 * for somebody else. `rawHeaders` are names and values in turn, as they came.
 */
export function refuseRepeatedHeaders(rawHeaders: readonly string[], report: (field: string) => void): void {
  let seen: string[] | undefined;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]?.toLowerCase() ?? '';
    if (!SINGLE.has(name)) continue;
    if (seen?.includes(name)) {
      report(name);
      throw UserError.malformed(`The header field ${name} was sent more than once.`, [], 'header_duplicated');
    }
    (seen ??= []).push(name);
  }
}
