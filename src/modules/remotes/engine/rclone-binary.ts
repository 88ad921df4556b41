import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import type { EngineAvailability } from './transfer-engine.js';

/** rclone as it can be started. */
export interface RcloneCommand {
  version: string;
  /** Program and leading arguments; rclone's own arguments follow. */
  command: readonly [program: string, ...args: string[]];
}

type Unavailable = Extract<EngineAvailability, { available: false }>;

const PROBE_LIMIT_MS = 3000;
const RETRY_AFTER_MS = 30_000;
/** First version with everything the engine calls and the one it was measured with. */
const OLDEST: readonly [major: number, minor: number] = [1, 60];
const DEFAULT_SEARCH_PATH = '/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin';
const INSTALL =
  'Install rclone 1.60 or later (Debian, Ubuntu: apt-get install rclone; macOS: brew install rclone) or set the path of its program. It is noticed within 30 seconds.';

/**
 * The environment of every rclone process, and nothing more: an inherited `RCLONE_*`, `AWS_*` or proxy variable
 * changes what rclone does. HOME is a place where nothing can be written or read.
 */
export const CLEAN_ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: '/usr/bin:/bin',
  HOME: '/dev/null',
  LANG: 'C.UTF-8',
  TZ: 'UTC',
};

/**
 * Finds rclone and asks its version. Found once, it is remembered until `forget`; missing, it is looked for again
 * at most every 30 seconds, so that an installed rclone is noticed without a restart. Never throws.
 */
export class RcloneBinary {
  private latest: { probe: Promise<RcloneCommand | Unavailable>; atMs: number; missing: boolean } | null =
    null;

  constructor(
    /**
     * `path` names the program; otherwise `rclone` is looked for in `searchPath` (as in PATH). `limitMs` is how
     * long it may take to tell its version.
     */
    private readonly options: {
      path?: string | undefined;
      searchPath?: string | undefined;
      limitMs?: number;
    },
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  async locate(): Promise<RcloneCommand | Unavailable> {
    const latest = this.latest;
    if (latest !== null && !(latest.missing && this.nowMs() - latest.atMs >= RETRY_AFTER_MS))
      return latest.probe;
    const entry = { probe: this.probe(), atMs: this.nowMs(), missing: false };
    this.latest = entry;
    entry.missing = 'available' in (await entry.probe);
    return entry.probe;
  }

  async availability(): Promise<EngineAvailability> {
    const found = await this.locate();
    return 'available' in found ? found : { available: true, version: found.version };
  }

  /** To be called when the found program could not be started: it is looked for again. */
  forget(): void {
    this.latest = null;
  }

  private async probe(): Promise<RcloneCommand | Unavailable> {
    const { path = 'rclone', searchPath = DEFAULT_SEARCH_PATH, limitMs = PROBE_LIMIT_MS } = this.options;
    const program = await find(path, searchPath);
    if (program === null) return unavailable('missing', INSTALL);
    const setpriv = process.platform === 'linux' ? await find('setpriv', searchPath) : null;
    // With setpriv the kernel kills rclone when this process dies, however it dies. BusyBox has a setpriv without it.
    const guard = setpriv === null ? null : ([setpriv, '--pdeathsig', 'KILL'] as const);
    const guarded = guard !== null && (await run([...guard, 'true'], limitMs)).ok;
    const command = guarded ? ([...guard, program] as const) : ([program] as const);
    const { ok, output } = await run([...command, 'version'], limitMs);
    const version = /rclone v(\d+)\.(\d+)\.(\d+)/.exec(output);
    if (version === null) {
      const why = ok ? 'printed no version' : output.trim().slice(0, 200) || 'did not run';
      return unavailable('broken', `"rclone version" failed: ${why}. ${INSTALL}`);
    }
    const [, major, minor, patch] = version.map(Number);
    const [oldestMajor, oldestMinor] = OLDEST;
    const found = `${major}.${minor}.${patch}`;
    if (Number(major) < oldestMajor || (major === oldestMajor && Number(minor) < oldestMinor)) {
      return unavailable('too_old', `rclone ${found} is too old. ${INSTALL}`);
    }
    return { version: found, command };
  }
}

function unavailable(reason: Unavailable['reason'], hint: string): Unavailable {
  return { available: false, reason, hint };
}

/** The absolute path of an executable; a name without a slash is looked for in `searchPath`. */
async function find(name: string, searchPath: string): Promise<string | null> {
  const candidates =
    isAbsolute(name) || name.includes('/')
      ? [resolve(name)]
      : searchPath
          .split(delimiter)
          .filter(isAbsolute)
          .map((folder) => join(folder, name));
  for (const candidate of candidates) {
    try {
      await access(candidate, constants.X_OK);
      return candidate;
    } catch {
      // Not there; the next one may be.
    }
  }
  return null;
}

function run(
  [program, ...args]: readonly [string, ...string[]],
  timeout: number,
): Promise<{ ok: boolean; output: string }> {
  return new Promise((done) => {
    const options = {
      env: CLEAN_ENVIRONMENT,
      cwd: tmpdir(),
      timeout,
      killSignal: 'SIGKILL',
    } as const;
    execFile(program, args, options, (error, stdout, stderr) => {
      done({ ok: error === null, output: error === null ? stdout : stderr || error.message });
    });
  });
}
