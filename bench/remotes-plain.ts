import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { processorTime } from './processor-time.js';

const RCLONE = process.env['RCLONE_PATH'] ?? 'rclone';
/** As Steward gives it to its own: nothing of a configuration or of this environment. */
const ENVIRONMENT = { PATH: process.env['PATH'], HOME: '/dev/null', LANG: 'C.UTF-8', TZ: 'UTC' };

/** Null where there is none. */
export function rcloneVersion(): string | null {
  const { stdout } = spawnSync(RCLONE, ['version'], { env: ENVIRONMENT, encoding: 'utf8' });
  return /rclone v(\S+)/.exec(stdout ?? '')?.[1] ?? null;
}

export interface Run {
  readonly milliseconds: number;
  /** Processor time in microseconds. */
  readonly cpu: number;
}

/** rclone as somebody would start it in a shell, from its start until it has ended. */
export async function plainRclone(args: readonly string[]): Promise<Run> {
  const before = processorTime(process.pid, 'ended children');
  const began = performance.now();
  const child = spawn(RCLONE, ['--config', '', ...args], {
    env: ENVIRONMENT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout.resume();
  const [code] = (await once(child, 'close')) as [number | null];
  const milliseconds = performance.now() - began;
  if (code !== 0) throw new Error(`rclone ${args.join(' ')} ended with code ${code}`);
  return { milliseconds, cpu: processorTime(process.pid, 'ended children') - before };
}
