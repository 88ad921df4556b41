import { describe, expect, it } from 'vitest';
import { parseLogLine } from '../rc-log.js';
import { FileCounts } from './file-counts.js';

type Kind = ConstructorParameters<typeof FileCounts>[0];

/** `name message`, as many as there are, as rclone writes them. */
function counted(kind: Kind, lines: string[], checks = 0) {
  const counts = new FileCounts(kind);
  for (const line of lines) {
    const [object = '', msg] = line.split(/ (.*)/s);
    counts.add(parseLogLine(JSON.stringify({ level: 'info', msg, object, objectType: '*local.Object' })));
  }
  const { created, updated, deleted } = counts;
  return { created, updated, deleted, unchanged: counts.unchanged(checks) };
}

describe('FileCounts', () => {
  it('tells new files from replaced ones', () => {
    const lines = [
      'a Copied (new)',
      'b Copied (replaced existing)',
      'c Multi-thread Copied (new)',
      'd Multi-thread Copied (replaced existing)',
      'e Copied (Rcat, new)',
      'f Copied (Rcat, replaced existing)',
      'g Copied (server-side copy)',
      'h Copied (new) to: H',
      'i Updated modification time in destination',
      'j Making directory',
      'k Set directory modification time (using DirSetModTime)',
    ];
    expect(counted('copy', lines, 4)).toEqual({ created: 5, updated: 3, deleted: 0, unchanged: 1 });
  });

  it('counts what a sync deletes, which rclone counts as checked too', () => {
    const lines = [
      'a Copied (new)',
      'b Copied (replaced existing)',
      'x Deleted',
      'y Deleted',
      'z Removing directory',
    ];
    expect(counted('sync', lines, 6)).toEqual({ created: 1, updated: 1, deleted: 2, unchanged: 3 });
  });

  it('knows from the plan what a copy by the remote itself replaces', () => {
    const counts = new FileCounts('sync');
    counts.plannedUpdates = 2;
    for (const [object, msg] of [
      ['a', 'Copied (server-side copy)'],
      ['b', 'Copied (server-side copy)'],
      ['c', 'Copied (replaced existing)'],
    ])
      counts.add(parseLogLine(JSON.stringify({ level: 'info', msg, object })));
    expect([counts.created, counts.updated]).toEqual([1, 2]);
  });

  it('takes a deleted source for no deletion, wherever its lines stand', () => {
    const within = ['same Deleted', 'over Deleted', 'new Moved (server-side)', 'over Moved (server-side)'];
    expect(counted('move', within)).toEqual({ created: 1, updated: 1, deleted: 0, unchanged: 1 });
    const between = [
      'same Deleted',
      'a Copied (new)',
      'b Copied (replaced existing)',
      'b Deleted',
      'a Deleted',
      'same2 Deleted',
    ];
    expect(counted('move', between)).toEqual({ created: 1, updated: 1, deleted: 0, unchanged: 2 });
  });

  it('knows a replaced file from one moved aside and gone, with and without a way to move', () => {
    const moves = [
      'upd Moved (server-side)',
      'new Copied (new)',
      'gone Moved (server-side)',
      'gone Moved into backup dir',
      'upd Copied (new)',
    ];
    expect(counted('backup', moves, 5)).toEqual({ created: 1, updated: 1, deleted: 1, unchanged: 1 });
    const copies = [
      'upd Copied (server-side copy)',
      'upd Deleted',
      'new Copied (new)',
      'gone Copied (server-side copy)',
      'gone Deleted',
      'gone Moved into backup dir',
      'upd Copied (new)',
    ];
    expect(counted('backup', copies)).toMatchObject({ created: 1, updated: 1, deleted: 1 });
    const overVersion = ['upd Deleted', 'upd Moved (server-side)', 'upd Copied (new)'];
    expect(counted('backup', overVersion)).toMatchObject({ created: 0, updated: 1, deleted: 0 });
  });

  it('counts a single file by what was there', () => {
    const counts = new FileCounts('move');
    counts.replacesOne = true;
    for (const [object, msg] of [
      ['old name', 'Deleted'],
      ['new name', 'Moved (server-side) to: old name'],
    ])
      counts.add(parseLogLine(JSON.stringify({ level: 'info', msg, object })));
    expect([counts.created, counts.updated, counts.unchanged(9)]).toEqual([0, 1, 0]);
  });

  it('remembers a folder that was moved as a whole, and takes no error for done', () => {
    const counts = new FileCounts('move');
    counts.add(
      parseLogLine(
        '{"level":"info","msg":"Server side directory move succeeded","object":"x","objectType":"*local.Fs"}',
      ),
    );
    counts.add(parseLogLine('{"level":"error","msg":"Copied (new)","object":"x"}'));
    counts.add(parseLogLine('{"level":"info","msg":"Copied (new)"}'));
    expect([counts.wholeFolder, counts.created]).toEqual([true, 0]);
  });

  it('keeps its memory small and its numbers right with many files', () => {
    const counts = new FileCounts('move');
    const line = (message: string, object: string) =>
      counts.add({ level: 'info', message, object, skipped: null, size: null });
    for (let index = 0; index < 100_000; index++) line('Deleted', `same${index}`);
    for (let index = 0; index < 50_000; index++) {
      line('Copied (new)', `n${index}`);
      line('Deleted', `n${index}`);
    }
    expect([counts.created, counts.unchanged(0)]).toEqual([50_000, 100_000]);
  });
});
