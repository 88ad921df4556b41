import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { NO_LIMITS } from '../../bench/no-limits.js';
import { until } from './until.js';

const MAIN = path.resolve(import.meta.dirname, '../../dist/src/main.js');

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}

/** The built program as a process of its own: what is tested is what is shipped. */
export class StewardProcess {
  private output = '';
  private readonly ended: Promise<Exit>;

  private constructor(private readonly child: ChildProcess) {
    child.stdout?.on('data', (chunk) => (this.output += String(chunk)));
    child.stderr?.on('data', (chunk) => (this.output += String(chunk)));
    this.ended = once(child, 'exit').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      output: this.output,
    }));
  }

  /** Starts it, or another program of node, with exactly these settings, beside PATH. */
  static spawn(
    environment: Readonly<Record<string, string | undefined>>,
    cwd = tmpdir(),
    program: readonly string[] = [MAIN],
  ): StewardProcess {
    const env = {
      PATH: process.env['PATH'],
      NODE_ENV: 'test',
      LOG_LEVEL: 'warn',
      STEWARD_DEMO: 'false',
      ...NO_LIMITS,
      ...environment,
    };
    return new StewardProcess(
      spawn(process.execPath, program, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] }),
    );
  }

  /** Everything it has said so far. */
  get said(): string {
    return this.output;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Its address, once it has said that it runs. */
  async url(): Promise<string> {
    return this.says(/Steward runs at {2}(\S+)/);
  }

  /** Waits until it runs; for processes that serve no HTTP. */
  async running(): Promise<void> {
    await this.says(/(Steward runs)/);
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async exit(): Promise<Exit> {
    return this.ended;
  }

  async end(signal: NodeJS.Signals): Promise<Exit> {
    this.child.kill(signal);
    return this.ended;
  }

  /** What the pattern has in its brackets, once it has been said. Rejects when the process has ended. */
  private async says(pattern: RegExp): Promise<string> {
    return until(
      () => {
        // One that a signal has ended has no exit code.
        if (this.child.exitCode !== null || this.child.signalCode !== null)
          throw new Error(`it ended: ${this.output}`);
        return pattern.exec(this.output)?.[1];
      },
      { describe: () => `the process to run: ${this.output}` },
    );
  }
}

/** An empty directory, removed by `remove`. */
export async function scratch(): Promise<{ path: string; remove: () => Promise<void> }> {
  const made = await realpath(await mkdtemp(path.join(tmpdir(), 'steward-process-')));
  return { path: made, remove: () => rm(made, { recursive: true, force: true }) };
}
