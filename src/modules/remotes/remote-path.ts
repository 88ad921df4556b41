/**
 * Paths inside a remote, as users send them and as the engine uses them.
 *
 * The normal form has no leading, trailing or doubled slash; the root is the empty string. Everything else is
 * kept as it came: spaces, a leading dash, decomposed (NFD) letters and, on hosts where it does not separate
 * folders, the backslash are ordinary parts of a name, and changing them would address another file.
 */

declare const normalForm: unique symbol;

/** A validated path in normal form. Only `parseRemotePath` and the helpers of this file make one. */
export type RemotePath = string & { readonly [normalForm]: true };

export type InvalidPathReason =
  | 'not_a_string'
  | 'not_rooted'
  | 'too_long'
  | 'lone_surrogate'
  | 'control_character'
  | 'dot_segment'
  | 'backslash';

/** A path nobody may use. `message` is fit for the person who sent it and never repeats the path. */
export class InvalidRemotePath extends Error {
  override readonly name = 'InvalidRemotePath';

  constructor(
    readonly reason: InvalidPathReason,
    message: string,
  ) {
    super(message);
  }
}

/** The longest accepted path, in bytes of UTF-8: what Linux itself accepts (PATH_MAX). */
export const MAX_PATH_BYTES = 4096;

const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * C0 controls and DEL (every control character except the C1 block, which does occur in real file names). NUL ends
 * a C string, a newline splits lines of logs and rules.
 */
export const CONTROL_CHARACTER = /[^\P{Cc}\u{80}-\u{9f}]/u;

const DOT_SEGMENTS: ReadonlySet<string> = new Set(['.', '..']);

/**
 * Validates what a client sent and returns its normal form. `/`, `` and `//` are the root.
 *
 * Throws `InvalidRemotePath` for anything but a string, more than 4 KiB of UTF-8, a lone surrogate (it has no
 * UTF-8 form), a C0 control or DEL, and a segment that is `.` or `..` after compatibility normalisation (NFKC):
 * rclone decodes fullwidth dots to real ones, so `．．` would otherwise leave the root.
 */
export function parseRemotePath(
  input: unknown,
  host: { backslashSeparates: boolean } = { backslashSeparates: process.platform === 'win32' },
): RemotePath {
  if (typeof input !== 'string') throw new InvalidRemotePath('not_a_string', 'A path must be text.');
  // The first test spares counting the bytes of a huge string: a UTF-16 unit is at least one byte of UTF-8.
  if (input.length > MAX_PATH_BYTES || Buffer.byteLength(input) > MAX_PATH_BYTES) {
    throw new InvalidRemotePath('too_long', `A path may have at most ${MAX_PATH_BYTES} bytes in UTF-8.`);
  }
  if (LONE_SURROGATE.test(input)) {
    throw new InvalidRemotePath(
      'lone_surrogate',
      'A path must be valid Unicode; this one has half a character.',
    );
  }
  if (CONTROL_CHARACTER.test(input)) {
    throw new InvalidRemotePath('control_character', 'A path must not contain control characters.');
  }
  if (host.backslashSeparates && input.includes('\\')) {
    throw new InvalidRemotePath('backslash', 'A path must not contain a backslash.');
  }
  const path = input.replace(/\/{2,}/g, '/').replace(/^\/|\/$/g, '');
  if (!isSafe(path)) {
    throw new InvalidRemotePath('dot_segment', 'A path must not contain "." or ".." as a folder name.');
  }
  return path;
}

function isSafe(path: string): path is RemotePath {
  return path.split('/').every((segment) => !DOT_SEGMENTS.has(segment.normalize('NFKC')));
}

export const ROOT = parseRemotePath('/');

/** The path as people see it: the root is `/`, everything else begins with a slash. */
export function displayPath(path: RemotePath): string {
  return `/${path}`;
}

/** The last name of a path; empty for the root. */
export function baseName(path: RemotePath): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** `relative` below `base`. `relative` is checked like any other path; throws `InvalidRemotePath`. */
export function joinRemotePath(base: RemotePath, relative: string): RemotePath {
  return parseRemotePath(`${base}/${relative}`);
}

/** Two paths with the same key are the same place: composed and decomposed letters do not differ. */
export function comparisonKey(path: string): string {
  return path.normalize('NFC');
}

/** Whether `path` is `folder` itself or lies below it, compared by `comparisonKey`. */
export function isSameOrInside(path: RemotePath, folder: RemotePath): boolean {
  const key = comparisonKey(path);
  const folderKey = comparisonKey(folder);
  return folderKey === '' || key === folderKey || key.startsWith(`${folderKey}/`);
}
