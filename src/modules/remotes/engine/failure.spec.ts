import { describe, expect, it } from 'vitest';
import { type FailedRun, judge } from './failure.js';

const run = (over: Partial<FailedRun>): FailedRun => ({
  error: 'x',
  fatal: false,
  failed: over.failures?.length ?? 0,
  failures: [],
  succeeded: 0,
  ...over,
});

describe('judge', () => {
  it.each([
    ['directory not found', 'not_found', false],
    ['object not found', 'not_found', false],
    ['open x: permission denied', 'permission', false],
    ['mkdir x: read-only file system', 'permission', false],
    ['write x: no space left on device', 'fatal', false],
    ['file too big for remaining disk space', 'fatal', false],
    ['mkdir /null: not a directory', 'fatal', false],
    ["mismatched '[' and ']' in glob \"[bad\"", 'fatal', false],
    ['read: connection reset by peer', 'temporary', true],
    ["couldn't fetch token: invalid_grant", 'auth', false],
    ['ssh: handshake failed: ssh: unable to authenticate, attempted methods [none password]', 'auth', false],
    [
      "can't use --backup-dir on a remote which doesn't support server-side move or copy",
      'not_supported',
      false,
    ],
    ['something nobody has seen', 'temporary', true],
  ] as const)('%s is %s', (error, kind, retryable) => {
    expect(judge(run({ error }))).toMatchObject({ kind, retryable, message: error });
  });

  it('believes rclone that an error is final', () => {
    expect(judge(run({ error: 'max transfer limit', fatal: true }))).toMatchObject({
      kind: 'fatal',
      retryable: false,
    });
  });

  it('names what was to be done', () => {
    const failures = [{ name: 'a', error: 'odd' }];
    expect(judge(run({ failures, verb: 'deleted' })).message).toBe('1 file could not be deleted. a: odd');
  });

  it('is partial when other files arrived, worth a retry if any failure may pass', () => {
    const denied = { name: 'a', error: 'open a: permission denied' };
    const hiccup = { name: 'b', error: 'input/output error' };
    expect(judge(run({ failures: [denied], succeeded: 3 }))).toEqual({
      kind: 'partial',
      retryable: false,
      message: '1 file could not be copied. a: open a: permission denied',
    });
    expect(judge(run({ failures: [denied, hiccup], succeeded: 3 }))).toMatchObject({
      kind: 'partial',
      retryable: true,
    });
    expect(judge(run({ failures: [hiccup], succeeded: 3, fatal: true })).retryable).toBe(false);
  });

  it('is the cause itself when nothing arrived', () => {
    expect(judge(run({ failures: [{ name: 'a', error: 'permission denied' }] }))).toMatchObject({
      kind: 'permission',
      retryable: false,
    });
    expect(judge(run({ failures: [{ name: 'a', error: 'no such file or directory' }] }))).toMatchObject({
      kind: 'temporary',
      retryable: true,
    });
    expect(judge(run({ failures: [{ name: 'a', error: 'odd' }], fatal: true }))).toMatchObject({
      kind: 'fatal',
    });
  });
});
