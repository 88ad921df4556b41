import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MemoryEngine, memoryRemote, path } from '../../../../test/factories/memory-engine.js';
import type { JobContext } from '../../jobs/index.js';
import { TransferError } from '../engine/transfer-engine.js';
import { BackupFilesJob } from '../jobs/backup-files.job.js';
import type { GrantedPlace, Side } from '../jobs/file-claims.js';
import type { BackupPayload, RestorePayload } from '../jobs/file-job.schema.js';
import type { FileDesk, FileJobs } from '../jobs/file-jobs.js';
import { RestoreFilesJob } from '../jobs/restore-files.job.js';
import { BackupStore } from './backup-store.js';
import { keptVersions, removesAnything, type RetentionRules } from './retention.js';

/** Backups of the folder `from` into `backup`, on a machine whose clock stands where it is told to. */
class World {
  readonly engine = new MemoryEngine();
  nowMs = Date.UTC(2026, 10, 21, 18);
  private readonly kept = new Map<string, object>();

  private files(jobId: string, places: Partial<Record<Side, string>>): FileJobs {
    const { engine, kept } = this;
    const place = (side: Side): GrantedPlace => ({
      side,
      remote: memoryRemote,
      path: path(places[side] ?? ''),
      writes: side !== 'source',
      hidden: [],
    });
    const desk: FileDesk = {
      engine,
      kept: kept.get(jobId) ?? {},
      isRepeated: kept.has(jobId),
      place,
      transfer: (operation) => engine.transfer([memoryRemote], operation),
      keep: async (values) => void kept.set(jobId, { ...kept.get(jobId), ...values }),
      now: async () => new Date(this.nowMs),
    };
    const run: FileJobs['run'] = (_context, _job, work) => work(desk);
    return { run } as FileJobs;
  }

  async back(jobId: string, rules: RetentionRules): Promise<string> {
    const handler = new BackupFilesJob(this.files(jobId, { source: 'from', destination: 'backup' }));
    const somewhere = { remoteId: memoryRemote.id, path: '/' };
    const payload: BackupPayload = {
      source: somewhere,
      destination: somewhere,
      options: { mirror: true, ...rules },
    };
    return ((await handler.run(contextOf(jobId), payload)) as { version: string }).version;
  }

  async restored(version: string): Promise<Record<string, string>> {
    const to = `restored ${version}`;
    for (const name of this.engine.at(to).keys()) this.engine.drop(`${to}/${name}`);
    const handler = new RestoreFilesJob(this.files('restore', { source: 'backup', destination: to }));
    const somewhere = { remoteId: memoryRemote.id, path: '/' };
    const payload: RestorePayload = { source: somewhere, destination: somewhere, version };
    await handler.run(contextOf('restore'), payload);
    return Object.fromEntries(this.engine.at(to));
  }

  get store(): BackupStore {
    return new BackupStore(this.engine, memoryRemote, path('backup'));
  }
}

const contextOf = (jobId: string): JobContext => ({
  jobId,
  actor: { type: 'system', name: 'a test' },
  retryCount: 0,
  signal: new AbortController().signal,
  fence: { jobId, leaseEpoch: 1 },
  progress: () => undefined,
  log: () => undefined,
});

const jobOf = (number: number): string => `00000000-0000-7000-8000-${String(number).padStart(12, '0')}`;

/** Names that stand in each other's way: a file here is a folder there. */
const NAMES = ['a', 'a/b', 'a/b/c', 'd', 'd/e', 'متن', '😀 x'];
const edit = fc.record({ name: fc.constantFrom(...NAMES), content: fc.option(fc.string({ maxLength: 3 })) });
const rule = fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined });
const round = fc.record({
  edits: fc.array(edit, { maxLength: 4 }),
  between: fc.array(edit, { maxLength: 2 }),
  passesMs: fc.constantFrom(0, 400, 60_000, 86_400_000, 9 * 86_400_000),
  // Where the first attempt, and the one after it, are cut; null: not at all.
  cuts: fc.array(fc.nat({ max: 12 }), { maxLength: 2 }),
  // Another job between two attempts of this one.
  intruder: fc.boolean(),
  rules: fc.record({ keepLast: rule, keepDaily: rule, keepWeekly: rule }),
});

function apply(engine: MemoryEngine, edits: readonly { name: string; content: string | null }[]): void {
  for (const { name, content } of edits) {
    for (const other of engine.at('from').keys())
      if (other === name || other.startsWith(`${name}/`) || name.startsWith(`${other}/`))
        engine.drop(`from/${other}`);
    if (content !== null) engine.put(`from/${name}`, content);
  }
}

it('brings back every version that is kept, exactly, whatever was edited, cut off and removed since', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(round, { minLength: 1, maxLength: 5 }), async (rounds) => {
      const world = new World();
      const { engine } = world;
      /** What `current` was at the end of each run that ended well. */
      let history = new Map<string, Record<string, string>>();
      let jobs = 0;
      const finish = async (jobId: string, rules: RetentionRules): Promise<void> => {
        const version = await world.back(jobId, rules);
        // Its own stamp is there where an attempt before was cut off after its manifest.
        expect([...history.keys()].filter((older) => older > version)).toEqual([]);
        history.set(version, Object.fromEntries(engine.at('backup/current')));
        const kept = keptVersions([...history.keys()], rules);
        if (removesAnything(rules)) history = new Map([...history].filter(([stamp]) => kept.has(stamp)));
      };
      for (const { edits, between, passesMs, cuts, intruder, rules } of rounds) {
        world.nowMs += passesMs;
        apply(engine, edits);
        const jobId = jobOf(++jobs);
        for (const cut of cuts) {
          engine.budget = cut;
          const version = await world.back(jobId, rules).catch((error: unknown) => {
            if (!(error instanceof TransferError)) throw error;
            return null;
          });
          engine.budget = Infinity;
          // What was written down to its end is a version, and what was removed is none, also when it was cut off then.
          const { manifests: left } = await world.store.versions();
          const now = Object.fromEntries(engine.at('backup/current'));
          history = new Map(left.map(({ stamp }) => [stamp, history.get(stamp) ?? now]));
          if (version !== null) history.set(version, now);
          if (version !== null) break; // it got through; what follows repeats it
          apply(engine, between);
          if (intruder) await finish(jobOf(++jobs), {});
        }
        await finish(jobId, rules);
        const { manifests } = await world.store.versions();
        expect(manifests.map(({ stamp }) => stamp)).toEqual([...history.keys()].toSorted());
        for (const [version, files] of history) expect(await world.restored(version)).toEqual(files);
      }
    }),
    { numRuns: 60 },
  );
}, 60_000);

it('touches nothing whose name it did not give', async () => {
  const world = new World();
  const others = [
    'photos/x',
    '20260631T000000Z/x',
    '20261121T180000Z-r0/x',
    'notes.jsonl',
    '20200101T000000Z.txt',
  ];
  for (const name of others) world.engine.put(`backup/versions/${name}`, name);
  for (let run = 1; run <= 4; run++) {
    world.engine.files.set('from/a', String(run));
    await world.back(jobOf(run), { keepLast: 1 });
  }
  const left = [...world.engine.at('backup/versions').keys()];
  expect(left).toEqual(expect.arrayContaining(others));
  expect(left.filter((name) => !others.includes(name) && !name.endsWith('.jsonl'))).toEqual([
    '20261121T180003Z/a',
  ]);
});

it('says that a version is damaged, or is not there, rather than restoring something else', async () => {
  const world = new World();
  world.engine.put('from/a', 'one');
  world.engine.put('from/b', 'one');
  const version = await world.back(jobOf(1), {});
  await expect(world.restored('20200101T000000Z')).rejects.toMatchObject({ code: 'version_not_found' });
  const manifest = [...world.engine.files.keys()].find((name) => name.endsWith('.jsonl'))!;
  const whole = world.engine.files.get(manifest)!;
  for (const broken of [whole.split('\n')[0]!, whole.slice(0, -10), '{"path":"../x"}\n{"path":"y"}\n', '']) {
    world.engine.files.set(manifest, broken);
    await expect(world.restored(version)).rejects.toMatchObject({ code: 'version_damaged' });
  }
  world.engine.files.set(manifest, whole);
  world.engine.drop('backup/current/b');
  await expect(world.restored(version)).rejects.toMatchObject({ code: 'version_incomplete' });
  expect(Object.fromEntries(world.engine.at(`restored ${version}`))).toEqual({ a: 'one' });
});
