import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseLogLine } from '../rc-log.js';
import { PlanReader } from './plan-reader.js';

const skipped = (what: string, object: string, size: number | null = 1, level = 'warning') =>
  parseLogLine(
    JSON.stringify({
      level,
      msg: `Skipped ${what} as --dry-run is set`,
      object,
      objectType: size === null ? 'string' : '*local.Object',
      skipped: what,
      ...(size !== null && { size }),
    }),
  );

describe('PlanReader', () => {
  it.each(['warning', 'notice'])('reads a sync whose log has level %s', (level) => {
    const reader = new PlanReader('sync');
    for (const line of [
      skipped('update modification time', 'modt', 4, level),
      skipped('copy', 'upd', 5, level),
      skipped('copy', 'new\u240aline', 1, level),
      skipped('make directory', 'e', null, level),
      skipped('delete', 'od/gone', 3, level),
      skipped('remove directory', 'od', null, level),
      parseLogLine(
        '{"level":"info","msg":"Checks finished, now starting transfers","object":"x","objectType":"*local.Fs"}',
      ),
      parseLogLine('{"level":"info","msg":"Copied (new)","object":"upd"}'),
    ])
      reader.add(line);
    reader.onlyNew = true;
    for (const line of [skipped('copy', 'new\u240aline'), skipped('delete', 'od/gone')]) reader.add(line);
    expect([reader.writes, reader.deletes]).toEqual([2, 1]);
    expect(reader.plan({ allNew: false })).toEqual({
      create: { files: 1, bytes: 1 },
      update: { files: 1, bytes: 5 },
      delete: { files: 1, bytes: 3 },
      entries: [
        { action: 'create', path: 'new\u240aline', size: 1 },
        { action: 'delete', path: 'od/gone', size: 3 },
        { action: 'update', path: 'upd', size: 5 },
      ],
      truncated: false,
    });
    expect(reader.plan({ allNew: true }).create.files).toBe(2);
  });

  it('knows what a move only deletes at its source, and what a backup moves aside', () => {
    const move = new PlanReader('move');
    for (const line of [skipped('move', 'a'), skipped('copy', 'b'), skipped('delete', 'same')])
      move.add(line);
    expect([move.writes, move.finished, move.deletes]).toEqual([2, 1, 0]);
    const backup = new PlanReader('backup');
    for (const line of [skipped('move', 'a'), skipped('copy', 'a'), skipped('move into backup dir', 'gone')])
      backup.add(line);
    expect([backup.writes, backup.aside, backup.deletes]).toEqual([1, 1, 1]);
  });

  it('names the first by path, the same ones whatever the order, and counts all', () => {
    const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 4 }), { maxLength: 40 });
    fc.assert(
      fc.property(names, names, fc.integer({ min: 1, max: 12 }), (written, gone, most) => {
        const reader = new PlanReader('sync', most);
        for (const name of written) reader.add(skipped('copy', name));
        for (const name of gone) reader.add(skipped('delete', name));
        reader.onlyNew = true;
        const fresh = written.filter((_, index) => index % 2 === 0);
        for (const name of fresh) reader.add(skipped('copy', name));
        const plan = reader.plan({ allNew: false });
        expect([plan.create.files, plan.update.files, plan.delete.files]).toEqual([
          fresh.length,
          written.length - fresh.length,
          gone.length,
        ]);
        const all = [
          ...written.map((path) => ({ path, action: fresh.includes(path) ? 'create' : 'update' })),
          ...gone.map((path) => ({ path, action: 'delete' })),
        ].toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
        expect(plan.truncated).toBe(all.length > most);
        expect(plan.entries.map(({ path, action }) => ({ path, action }))).toEqual(all.slice(0, most));
      }),
    );
  });
});
