import { type Hidden, type HiddenPattern, pathExpression } from '../names/hidden.js';
import { ROOT } from '../remote-path.js';
import { type TransferOptions, TransferError } from './transfer-engine.js';

/**
 * The only settings a transfer may send to rclone. rclone ignores a name it does not know, so a misspelt `DryRun`
 * would copy for real, and takes others that read files of the server or run commands; therefore this list is
 * closed and user input never names a key.
 */
export interface RcConfig {
  CheckFirst: true;
  DryRun: boolean;
  CheckSum: boolean;
  Transfers?: number;
  Checkers?: number;
  /** Where what is replaced or deleted goes: an `fs` on the remote of the destination. */
  BackupDir?: string;
  /** rclone stops before it deletes more. A brake, not a check: what was deleted until then is gone. */
  MaxDelete?: number;
  /** Only what is not there at all is meant. */
  IgnoreExisting?: true;
  /** Of a sync only the deletions, by rclone's number for it. */
  DeleteMode?: typeof DELETE_ONLY;
}

export const DELETE_ONLY = 4;

export interface RcFilter {
  FilterRule: string[];
}

/** Left by an rclone (1.63 or later) that was killed while it wrote a file; never a file of the user's. */
export const PARTIAL_FILE = /\.[0-9a-f]{8}\.partial$/;
const PARTIAL_FILE_RULE = `- *.${'[0-9a-f]'.repeat(8)}.partial`;

/**
 * `_config` of a transfer. CheckFirst makes totals known before the first byte, without which percentages lie.
 * Throws `TransferError` (fatal) for a number outside its range.
 */
export function rcConfig(
  options: TransferOptions,
  more: Pick<RcConfig, 'BackupDir' | 'MaxDelete' | 'IgnoreExisting' | 'DeleteMode'> = {},
): RcConfig {
  const config: RcConfig = {
    CheckFirst: true,
    DryRun: options.dryRun === true,
    CheckSum: options.checksum === true,
    ...more,
  };
  if (options.transfers !== undefined) config.Transfers = wholeNumber('transfers', options.transfers, 8);
  if (options.checkers !== undefined) config.Checkers = wholeNumber('checkers', options.checkers, 16);
  return config;
}

/**
 * `_filter` of a transfer. One ordered list, because rclone's separate include and exclude lists let an include
 * win over an exclude; what is hidden comes before everything else. Throws `TransferError` (fatal) for an empty
 * pattern or one with a line break; a malformed glob is refused by rclone.
 */
export function rcFilter(options: TransferOptions, { ignoreCase = false } = {}): RcFilter {
  const { include = [], exclude = [], hidden = [] } = options;
  for (const pattern of [...include, ...exclude]) {
    if (pattern === '' || /[\0\r\n]/.test(pattern)) {
      throw new TransferError('fatal', 'A filter pattern must be one line of text and not empty.');
    }
  }
  const rules = hidden.flatMap((path) => hiddenRules(path, ignoreCase));
  rules.push(PARTIAL_FILE_RULE, ...exclude.map((pattern) => `- ${pattern}`));
  if (include.length > 0) rules.push(...include.map((pattern) => `+ ${pattern}`), '- /**');
  return { FilterRule: rules };
}

/** Whether the options mean every file there is. */
export function meansAll({ include = [], exclude = [], hidden = [] }: TransferOptions): boolean {
  return include.length === 0 && exclude.length === 0 && hidden.length === 0;
}

function hiddenRules(hidden: Hidden, ignoreCase: boolean): string[] {
  if (hidden === ROOT) return ['- /**'];
  const pattern = typeof hidden === 'string' ? literalPattern(hidden, ignoreCase) : regularExpression(hidden);
  // The second is what rclone asks about folders, before it looks into them.
  return [`- /${pattern}`, `- /${pattern}/**`];
}

/**
 * Between double braces rclone takes a regular expression of Go, from the beginning of the path to its end. Each brace
 * and slash in it is written by its code, because the first two closing braces end it.
 */
function regularExpression(pattern: HiddenPattern): string {
  return `{{(?:${pathExpression(pattern, (code) => `\\x{${code.toString(16)}}`)})}}`;
}

/**
 * A glob of rclone that matches `path` and nothing else. A letter that can be written composed and decomposed
 * matches in both forms, and where case makes no difference in both cases: these are one place to whoever hid it.
 */
export function literalPattern(path: string, ignoreCase: boolean): string {
  return Array.from(path.normalize('NFC'), (letter) => {
    const cases = ignoreCase ? [letter, letter.toLowerCase(), letter.toUpperCase()] : [letter];
    const forms = new Set(cases.flatMap((form) => [form, form.normalize('NFD')]));
    const [only, ...others] = [...forms].map(escapeGlob);
    return others.length === 0 ? only : `{${[only, ...others].join(',')}}`;
  }).join('');
}

/** Also the comma, which separates the alternatives of `{}`. */
function escapeGlob(text: string): string {
  return text.replace(/[\\[\]{}*?,]/g, '\\$&');
}

/** `rate` of `core/bwlimit`. The unit is written out because a bare number means KiB. */
export function rcBandwidth(bytesPerSecond: number | null): string {
  if (bytesPerSecond === null) return 'off';
  return `${wholeNumber('bandwidthLimit', bytesPerSecond, Number.MAX_SAFE_INTEGER)}B`;
}

function wholeNumber(name: string, value: number, max: number): number {
  if (!Number.isInteger(value) || value < 1 || value > max) {
    throw new TransferError('fatal', `${name} must be a whole number from 1 to ${max}.`);
  }
  return value;
}
