import { type TransferOptions, TransferError } from './transfer-engine.js';

/**
 * The only settings a copy may send to rclone. rclone ignores a name it does not know, so a misspelt `DryRun`
 * would copy for real, and takes others that read files of the server or run commands; therefore this list is
 * closed and user input never names a key.
 */
export interface RcConfig {
  CheckFirst: true;
  DryRun: boolean;
  CheckSum: boolean;
  Transfers?: number;
  Checkers?: number;
}

export interface RcFilter {
  FilterRule: string[];
}

/** Left by an rclone (1.63 or later) that was killed while it wrote a file; never a file of the user's. */
export const PARTIAL_FILE = /\.[0-9a-f]{8}\.partial$/;
const PARTIAL_FILE_RULE = `- *.${'[0-9a-f]'.repeat(8)}.partial`;

/**
 * `_config` of a copy. CheckFirst makes totals known before the first byte, without which percentages lie.
 * Throws `TransferError` (fatal) for a number outside its range.
 */
export function rcConfig(options: TransferOptions): RcConfig {
  const config: RcConfig = {
    CheckFirst: true,
    DryRun: options.dryRun === true,
    CheckSum: options.checksum === true,
  };
  if (options.transfers !== undefined) config.Transfers = wholeNumber('transfers', options.transfers, 8);
  if (options.checkers !== undefined) config.Checkers = wholeNumber('checkers', options.checkers, 16);
  return config;
}

/**
 * `_filter` of a copy. One ordered list, because rclone's separate include and exclude lists let an include win
 * over an exclude. Throws `TransferError` (fatal) for an empty pattern or one with a line break; a malformed glob
 * is refused by rclone.
 */
export function rcFilter(options: TransferOptions): RcFilter {
  const { include = [], exclude = [] } = options;
  for (const pattern of [...include, ...exclude]) {
    if (pattern === '' || /[\0\r\n]/.test(pattern)) {
      throw new TransferError('fatal', 'A filter pattern must be one line of text and not empty.');
    }
  }
  const rules = [PARTIAL_FILE_RULE, ...exclude.map((pattern) => `- ${pattern}`)];
  if (include.length > 0) rules.push(...include.map((pattern) => `+ ${pattern}`), '- /**');
  return { FilterRule: rules };
}

/** `rate` of `core/bwlimit`. The unit is written out because a bare number means KiB. */
export function rcBandwidth(bytesPerSecond: number): string {
  return `${wholeNumber('bandwidthLimit', bytesPerSecond, Number.MAX_SAFE_INTEGER)}B`;
}

function wholeNumber(name: string, value: number, max: number): number {
  if (!Number.isInteger(value) || value < 1 || value > max) {
    throw new TransferError('fatal', `${name} must be a whole number from 1 to ${max}.`);
  }
  return value;
}
