import { describe, expect, it } from 'vitest';
import { type LogLine, TransferLog, parseLogLine } from './rc-log.js';

describe('parseLogLine', () => {
  it.each<[line: string, expected: LogLine]>([
    [
      '{"level":"error","msg":"Failed to copy: x","object":"d/a.txt","objectType":"*local.Object","source":"s"}',
      { level: 'error', message: 'Failed to copy: x', object: 'd/a.txt', skipped: null, size: null },
    ],
    [
      '{"level":"warning","msg":"Skipped copy as --dry-run is set (size 1)","object":"a","size":1,"skipped":"copy"}',
      {
        level: 'warning',
        message: 'Skipped copy as --dry-run is set (size 1)',
        object: 'a',
        skipped: 'copy',
        size: 1,
      },
    ],
    [
      '{"level":"notice","msg":"n","object":"Local file system at /srv","objectType":"*local.Fs"}',
      { level: 'warning', message: 'n', object: null, skipped: null, size: null },
    ],
    [
      '{"level":"critical","msg":"c"}',
      { level: 'error', message: 'c', object: null, skipped: null, size: null },
    ],
    ['{"level":"debug","msg":"d"}', { level: 'info', message: 'd', object: null, skipped: null, size: null }],
    [
      'Failed to start: no',
      { level: 'error', message: 'Failed to start: no', object: null, skipped: null, size: null },
    ],
    ['{"half', { level: 'error', message: '{"half', object: null, skipped: null, size: null }],
    ['7', { level: 'error', message: '7', object: null, skipped: null, size: null }],
    [
      '{"level":"info"}',
      { level: 'info', message: '{"level":"info"}', object: null, skipped: null, size: null },
    ],
  ])('%s', (line, expected) => {
    expect(parseLogLine(line)).toEqual(expected);
  });
});

const failure = (object: string, message = 'Failed to copy: denied'): LogLine => ({
  level: 'error',
  message,
  object,
  skipped: null,
  size: null,
});

describe('TransferLog', () => {
  it('keeps the first error of each file and hides folders of the server', () => {
    const log = new TransferLog((message) => message.replaceAll(/\/srv(\/data)?/g, ''));
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
    const log = new TransferLog((message) => message);
    log.add({ level: 'info', message: 'Copied (new)', object: 'a', skipped: null, size: null });
    log.add({ level: 'warning', message: "Can't follow symlink", object: 'l', skipped: null, size: null });
    log.add({ level: 'warning', message: 'Skipped copy as', object: 'a', skipped: 'copy', size: 1 });
    log.add({
      level: 'warning',
      message: 'Serving remote control on http://127.0.0.1:1/',
      object: null,
      skipped: null,
      size: null,
    });
    log.add({
      level: 'warning',
      message: 'Bandwidth limit set to {1Mi 1Mi}',
      object: null,
      skipped: null,
      size: null,
    });
    log.add({
      level: 'error',
      message: 'rc: "sync/copy": error: x',
      object: null,
      skipped: null,
      size: null,
    });
    expect(log.take()).toEqual([
      { level: 'warning', message: "l: Can't follow symlink", details: { object: 'l' } },
      { level: 'info', message: 'Would copy a', details: { object: 'a' } },
    ]);
    expect(log.take()).toEqual([]);
    expect(log.failed).toBe(0);
  });

  it('counts every failure but keeps and reports a bounded number', () => {
    const log = new TransferLog((message) => message);
    for (let i = 0; i < 12_000; i++) log.add(failure(`f${i}`));
    expect(log.failed).toBe(12_000);
    expect(log.failures).toHaveLength(100);
    expect(log.take()).toHaveLength(500);
  });

  it('tells a reader everything and the owner as much as is wanted', () => {
    const log = new TransferLog((message) => message);
    const read: string[] = [];
    const lines: LogLine[] = [
      { level: 'info', message: 'Copied (new)', object: 'a', skipped: null, size: 1 },
      { level: 'warning', message: "Can't follow symlink", object: 'l', skipped: null, size: null },
      { level: 'warning', message: 'Skipped delete', object: 'd', skipped: 'delete', size: 1 },
      failure('f'),
    ];
    for (const attention of ['none', 'errors', 'all'] as const) {
      log.listen(attention, ({ object }) => read.push(object ?? ''));
      for (const line of lines) log.add(line);
      const told = log.take().length;
      expect([attention, told, log.failed]).toEqual([
        attention,
        { none: 0, errors: 1, all: 3 }[attention],
        Number(attention !== 'none'),
      ]);
    }
    expect(read.join('')).toBe('aldf'.repeat(3));
  });

  it('says when a mark has been read', async () => {
    const log = new TransferLog((message) => message);
    const order: string[] = [];
    const reached = log.reaches('m1').then(() => order.push('reached'));
    log.listen('all', ({ object }) => order.push(object ?? ''));
    log.add(failure('before'));
    log.add({
      level: 'error',
      message: 'rc: "rc/error": error: map[mark:m2]',
      object: null,
      skipped: null,
      size: null,
    });
    await Promise.resolve();
    expect(order).toEqual(['before']);
    log.add({
      level: 'error',
      message: 'rc: "rc/error": error: map[mark:m1]',
      object: null,
      skipped: null,
      size: null,
    });
    await reached;
    expect(order).toEqual(['before', 'reached']);
    expect(log.take()).toHaveLength(1);
  });
});
