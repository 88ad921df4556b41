import { describe, expect, it } from 'vitest';
import { CopyLog, type LogLine, parseLogLine } from './rc-log.js';

describe('parseLogLine', () => {
  it.each<[line: string, expected: LogLine]>([
    [
      '{"level":"error","msg":"Failed to copy: x","object":"d/a.txt","objectType":"*local.Object","source":"s"}',
      { level: 'error', message: 'Failed to copy: x', object: 'd/a.txt', skipped: null },
    ],
    [
      '{"level":"warning","msg":"Skipped copy as --dry-run is set (size 1)","object":"a","size":1,"skipped":"copy"}',
      {
        level: 'warning',
        message: 'Skipped copy as --dry-run is set (size 1)',
        object: 'a',
        skipped: 'copy',
      },
    ],
    [
      '{"level":"notice","msg":"n","object":"Local file system at /srv","objectType":"*local.Fs"}',
      { level: 'warning', message: 'n', object: null, skipped: null },
    ],
    ['{"level":"critical","msg":"c"}', { level: 'error', message: 'c', object: null, skipped: null }],
    ['{"level":"debug","msg":"d"}', { level: 'info', message: 'd', object: null, skipped: null }],
    ['Failed to start: no', { level: 'error', message: 'Failed to start: no', object: null, skipped: null }],
    ['{"half', { level: 'error', message: '{"half', object: null, skipped: null }],
    ['7', { level: 'error', message: '7', object: null, skipped: null }],
    ['{"level":"info"}', { level: 'info', message: '{"level":"info"}', object: null, skipped: null }],
  ])('%s', (line, expected) => {
    expect(parseLogLine(line)).toEqual(expected);
  });
});

const failure = (object: string, message = 'Failed to copy: denied'): LogLine => ({
  level: 'error',
  message,
  object,
  skipped: null,
});

describe('CopyLog', () => {
  it('keeps the first error of each file and hides folders of the server', () => {
    const log = new CopyLog(['/srv', '/srv/data', '/']);
    log.add(failure('a', 'open /srv/data/x/a: permission denied'));
    log.add(failure('a', 'again'));
    log.add(failure('b', 'mkdir /srv/other: permission denied'));
    expect(log.failures).toEqual([
      { name: 'a', error: 'open /x/a: permission denied' },
      { name: 'b', error: 'mkdir /other: permission denied' },
    ]);
    expect(log.failed).toBe(2);
  });

  it('passes on warnings, errors and what a dry run would do, once', () => {
    const log = new CopyLog([]);
    log.add({ level: 'info', message: 'Copied (new)', object: 'a', skipped: null });
    log.add({ level: 'warning', message: "Can't follow symlink", object: 'l', skipped: null });
    log.add({ level: 'warning', message: 'Skipped copy as', object: 'a', skipped: 'copy' });
    log.add({
      level: 'warning',
      message: 'Serving remote control on http://127.0.0.1:1/',
      object: null,
      skipped: null,
    });
    log.add({ level: 'warning', message: 'Bandwidth limit set to {1Mi 1Mi}', object: null, skipped: null });
    log.add({ level: 'error', message: 'rc: "sync/copy": error: x', object: null, skipped: null });
    expect(log.take()).toEqual([
      { level: 'warning', message: "l: Can't follow symlink", details: { object: 'l' } },
      { level: 'info', message: 'Would copy a', details: { object: 'a' } },
    ]);
    expect(log.take()).toEqual([]);
    expect(log.failed).toBe(0);
  });

  it('counts every failure but keeps and reports a bounded number', () => {
    const log = new CopyLog([]);
    for (let i = 0; i < 12_000; i++) log.add(failure(`f${i}`));
    expect(log.failed).toBe(12_000);
    expect(log.failures).toHaveLength(100);
    expect(log.take()).toHaveLength(500);
  });
});
