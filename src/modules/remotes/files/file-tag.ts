import type { IncomingHttpHeaders } from 'node:http';
import type { FileEntry } from '../engine/transfer-engine.js';

/**
 * Which content a file has, as far as its size and its time of change tell. A storage with coarse times may give
 * two contents of one size the same tag within a second.
 */
export function tagOf({ size, modifiedAt }: FileEntry): string {
  return `"${(size ?? -1).toString(36)}-${Date.parse(modifiedAt).toString(36)}"`;
}

export const lastModifiedOf = ({ modifiedAt }: FileEntry): string =>
  new Date(Math.floor(Date.parse(modifiedAt) / 1_000) * 1_000).toUTCString();

/** What the conditions of a GET or HEAD come to, in the order of RFC 9110 §13.2.2. */
export function conditionOf(
  headers: IncomingHttpHeaders,
  entry: FileEntry,
): 'go on' | 'unchanged' | 'failed' {
  const { 'if-match': match, 'if-none-match': noneMatch } = headers;
  const seconds = Math.floor(Date.parse(entry.modifiedAt) / 1_000);
  if (match !== undefined) {
    if (!isListed(match, tagOf(entry))) return 'failed';
  } else if (seconds > secondsOf(headers['if-unmodified-since'])) return 'failed';
  if (noneMatch !== undefined) return isListed(noneMatch, tagOf(entry)) ? 'unchanged' : 'go on';
  return seconds <= secondsOf(headers['if-modified-since'], -Infinity) ? 'unchanged' : 'go on';
}

/** Whether a part may be sent: the client has the rest of this very content (If-Range). */
export function partIsOf({ 'if-range': given }: IncomingHttpHeaders, entry: FileEntry): boolean {
  if (given === undefined) return true;
  const text = String(given).trim();
  return text.startsWith('"') ? text === tagOf(entry) : text === lastModifiedOf(entry);
}

/** A weak tag of a client matches too: what is compared is the same. */
export function isListed(header: string, tag: string): boolean {
  return header.split(',').some((one) => [tag, '*'].includes(one.trim().replace(/^W\//, '')));
}

/** Of an HTTP date; what is none is ignored. */
function secondsOf(date: string | undefined, none = Infinity): number {
  const at = date === undefined ? NaN : Date.parse(date);
  return Number.isNaN(at) ? none : Math.floor(at / 1_000);
}
