import { isRecord } from './progress.js';
import { type FailedFile, MAX_FAILED_FILES } from './transfer-engine.js';

export type LogLevel = 'info' | 'warning' | 'error';

/** One line of rclone's log. */
export interface LogLine {
  level: LogLevel;
  message: string;
  /** The file or folder the line is about. */
  object: string | null;
  /** In a dry run, what was not done: `copy`. */
  skipped: string | null;
  /** Bytes of the file, where the line tells. */
  size: number | null;
}

/**
 * Reads a line of `--use-json-log`. Lines that are no JSON (1.60 prints start-up errors as text) become errors
 * of their text, since that is what they are. A notice counts as warning: rclone itself printed it so before 1.70.
 */
export function parseLogLine(line: string): LogLine {
  const entry = parseObject(line);
  if (entry === null) return { level: 'error', message: line, object: null, skipped: null, size: null };
  const { level, msg, object, objectType, skipped, size } = entry;
  // Lines about a whole file system name it with its folder on the server; they are about no file.
  const isFile =
    typeof object === 'string' && !(typeof objectType === 'string' && objectType.endsWith('.Fs'));
  return {
    level: levelOf(level),
    message: typeof msg === 'string' ? msg : line,
    object: isFile ? object : null,
    skipped: typeof skipped === 'string' ? skipped : null,
    size: typeof size === 'number' && size >= 0 ? size : null,
  };
}

function levelOf(level: unknown): LogLevel {
  if (level === 'info' || level === 'debug') return 'info';
  return level === 'warning' || level === 'notice' ? 'warning' : 'error';
}

function parseObject(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? value : null;
  } catch {
    return null;
  }
}

/** A line for whoever reads the log of the job. */
export interface Report {
  level: LogLevel;
  message: string;
  details?: object;
}

/** The rc server on itself; its `rc: …` repeats errors that the calls return anyway. */
const ABOUT_ITSELF = /^(rc: "|Serving remote control|Bandwidth limit (set|reset) )/;
/** Distinct failed names remembered; past it every further error line counts as a file. */
const MAX_REMEMBERED = 10_000;
/** Lines passed on per copy; a copy in which every file fails would otherwise write millions. */
const MAX_REPORTS = 500;

/** What becomes of lines: everything is told; only what went wrong is; nothing is, and nothing counts as failed. */
export type Attention = 'all' | 'errors' | 'none';

/**
 * Collects from the log of one transfer what its statistics do not have: which files failed and why (rclone keeps
 * the last hundred transfers only), and the lines worth passing on.
 */
export class TransferLog {
  readonly failures: FailedFile[] = [];
  private readonly failedNames = new Set<string>();
  private uncounted = 0;
  private reported = 0;
  private waiting: Report[] = [];
  private attention: Attention = 'all';
  private reader: (line: LogLine) => void = () => undefined;
  private readonly marks = new Map<string, () => void>();

  /** `redact` cuts out of messages what must not be passed on. */
  constructor(readonly redact: (message: string) => string) {}

  get failed(): number {
    return this.failedNames.size + this.uncounted;
  }

  /** From now on `reader` gets every line about a file or folder. */
  listen(attention: Attention, reader: (line: LogLine) => void = () => undefined): void {
    this.attention = attention;
    this.reader = reader;
  }

  /** Resolves when a line holds `mark`. */
  reaches(mark: string): Promise<void> {
    return new Promise((done) => this.marks.set(mark, done));
  }

  add(line: LogLine): void {
    if (ABOUT_ITSELF.test(line.message)) {
      for (const [mark, done] of this.marks) {
        if (!line.message.includes(mark)) continue;
        this.marks.delete(mark);
        done();
      }
      return;
    }
    this.reader(line);
    if (this.attention === 'none') return;
    const message = this.redact(line.message);
    if (line.skipped !== null) {
      if (this.attention === 'errors') return;
      this.report({
        level: 'info',
        message: `Would ${line.skipped} ${line.object ?? ''}`.trimEnd(),
        details: { object: line.object },
      });
      return;
    }
    if (line.level === 'info' || (this.attention === 'errors' && line.level === 'warning')) return;
    // A line without a file sums up what the others tell.
    if (line.level === 'error' && line.object !== null) this.fail(line.object, message);
    this.report({
      level: line.level,
      message: line.object === null ? message : `${line.object}: ${message}`,
      ...(line.object !== null && { details: { object: line.object } }),
    });
  }

  /** The lines to pass on since the last call. */
  take(): Report[] {
    const reports = this.waiting;
    this.waiting = [];
    return reports;
  }

  private fail(name: string, error: string): void {
    if (this.failedNames.has(name)) return;
    if (this.failedNames.size >= MAX_REMEMBERED) {
      this.uncounted++;
      return;
    }
    this.failedNames.add(name);
    if (this.failures.length < MAX_FAILED_FILES) this.failures.push({ name, error });
  }

  private report(report: Report): void {
    this.reported++;
    if (this.reported < MAX_REPORTS) this.waiting.push(report);
    if (this.reported === MAX_REPORTS) {
      this.waiting.push({ level: 'warning', message: 'There is more; further lines are left out.' });
    }
  }
}
