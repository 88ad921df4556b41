import { appendFileSync } from 'node:fs';
import { inject } from 'vitest';

/**
 * The Redis of this test run, or undefined where there is none; then it is noted as not run, and the suite is to
 * be left out with `describe.skipIf`. Each test file uses its own key prefix.
 */
export function redisUrl(): string | undefined {
  const url = inject('redisUrl');
  if (url !== '') return url;
  noteNotRun('tests on Redis (redis-server not found)');
  return undefined;
}

/** Is there an rclone to test with? Where not, that is noted as not run. */
export function rclonePresent(): boolean {
  const present = inject('rclonePresent');
  if (!present) noteNotRun('tests with rclone (rclone not found)');
  return present;
}

/** Has `npm test` say at its end that something was left out, and why. */
export function noteNotRun(what: string): void {
  const file = inject('notRunFile');
  if (file !== '') appendFileSync(file, `${what}\n`);
}
