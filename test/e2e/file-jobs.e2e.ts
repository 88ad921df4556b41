import { randomBytes } from 'node:crypto';
import { utimes } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExplanationView } from '../../src/modules/jobs/explain/explain.schema.js';
import type { BackupList } from '../../src/modules/remotes/backups/backups.schema.js';
import { FileWork, at } from '../factories/file-work.js';
import type { TestRemote } from '../factories/copies.js';
import { TestApp } from '../harness/app.js';
import { rclonePresent } from '../harness/capabilities.js';
import { texts, write } from '../harness/files.js';

const MiB = 1024 * 1024;

describe.skipIf(!rclonePresent())('file jobs', () => {
  let app: TestApp;
  let work: FileWork;
  beforeAll(async () => {
    app = await TestApp.start();
    work = new FileWork(app);
  });
  afterAll(() => app.stop());

  const reasons = async (id: string): Promise<ExplanationView['reasons']> =>
    (await app.call<ExplanationView>('GET', `/api/jobs/${id}/explain`)).body.reasons;
  const text = texts;

  describe('one after the other where they would meet', () => {
    it('waits for who writes there, says for whom, and goes on when that one leaves', async () => {
      const { from, to } = await work.twoRemotes();
      const other = await work.remote();
      await write(from.root, { slow: randomBytes(8 * MiB) });
      await write(other.root, { quick: 'quick' });
      const first = await work.make('copy', {
        source: at(from),
        destination: at(to, '/shared'),
        options: { bandwidthLimit: 2 * MiB },
      });
      await work.reach(first, ({ progress }) => progress > 0, 'bytes to move');
      const second = await work.make('copy', { source: at(other), destination: at(to, '/shared/below') });
      const waiting = await work.reach(second, ({ errorCode }) => errorCode === 'postponed', 'it to wait');
      expect(waiting).toMatchObject({
        status: 'pending',
        retryCount: 0,
        error: `It waits for the job ${first}, which writes at /shared/below of the destination remote.`,
      });
      expect(await reasons(second)).toMatchObject([{ code: 'postponed', error: waiting.error }]);
      // Somewhere else nobody is in the way.
      expect((await work.done('copy', { source: at(other), destination: at(to, '/alone') })).status).toBe(
        'completed',
      );
      const [one, two] = [await work.ended(first), await work.ended(second)];
      expect([one.status, two.status, two.retryCount]).toEqual(['completed', 'completed', 0]);
      expect(Date.parse(two.startedAt ?? '')).toBeGreaterThan(Date.parse(one.startedAt ?? ''));
    });

    it('lets readers of one place go side by side', async () => {
      const from = await work.remote();
      await write(from.root, { slow: randomBytes(4 * MiB) });
      const jobs = await Promise.all(
        [1, 2].map(async () => {
          const to = await work.remote();
          const options = { bandwidthLimit: MiB };
          return work.make('copy', { source: at(from), destination: at(to), options });
        }),
      );
      for (const id of jobs) await work.reach(id, ({ progress }) => progress > 0, 'both to run');
      const ends = await Promise.all(jobs.map((id) => work.ended(id)));
      expect(ends.map(({ status }) => status)).toEqual(['completed', 'completed']);
    });
  });

  it('go faster or slower when somebody says so', async () => {
    const { from, to } = await work.twoRemotes();
    await write(from.root, { slow: randomBytes(30 * MiB) });
    const id = await work.make('copy', {
      source: at(from),
      destination: at(to),
      options: { bandwidthLimit: 100_000 },
    });
    await work.reach(id, ({ status }) => status === 'running', 'it to run');
    await work.reach(id, ({ progress }) => progress > 0, 'bytes to move');
    const answer = await app.call('PATCH', `/api/jobs/${id}/transfer`, { body: { bandwidthLimit: null } });
    expect(answer).toMatchObject({ status: 200, body: { jobId: id, bandwidthLimit: null } });
    // At 100 kB a second it would take five minutes.
    expect((await work.ended(id)).status).toBe('completed');
    const { body } = await app.call<{ items: { action: string }[] }>(
      'GET',
      `/api/audit-logs?resourceId=${id}`,
    );
    expect(body.items.map(({ action }) => action)).toContain('job.limit_bandwidth');
  });

  it('move what was asked for, and nothing else', async () => {
    const { from, to } = await work.twoRemotes();
    await write(from.root, { 'a.txt': 'a', 'deep/б.txt': 'b', 'c.log': 'c' });
    const job = await work.between('move', from, to, { exclude: ['*.log'] });
    expect(job).toMatchObject({ status: 'completed' });
    expect(await text(from.root)).toEqual({ 'c.log': 'c' });
    expect(await text(to.root)).toEqual({ 'a.txt': 'a', 'deep/б.txt': 'b' });
    const one = await work.done('move', { source: at(from, '/c.log'), destination: at(to, '/d.log') });
    expect(one).toMatchObject({ status: 'completed' });
    expect([await text(from.root), (await text(to.root))['d.log']]).toEqual([{}, 'c']);
  });

  it('delete a folder, a file, or what a pattern means', async () => {
    const { from } = await work.twoRemotes();
    await write(from.root, { 'a.txt': 'a', 'deep/b.txt': 'b', 'deep/c.log': 'c', 'other/d': 'd' });
    expect(await work.done('delete', { target: at(from, '/a.txt') })).toMatchObject({ status: 'completed' });
    const some = { target: at(from, '/deep'), options: { include: ['*.log'] } };
    const planned = await work.done('delete', { ...some, options: { ...some.options, dryRun: true } });
    expect(planned.result).toMatchObject({ dryRun: true, plan: { delete: { files: 1 } } });
    expect(await work.done('delete', some)).toMatchObject({ status: 'completed' });
    expect(await text(from.root)).toEqual({ 'deep/b.txt': 'b', 'other/d': 'd' });
    expect(await work.done('delete', { target: at(from, '/deep') })).toMatchObject({ status: 'completed' });
    expect(await text(from.root)).toEqual({ 'other/d': 'd' });
    const all = await work.done('delete', { target: at(from), options: { allowMassDelete: true } });
    expect([all.status, await text(from.root)]).toEqual(['completed', {}]);
  });

  it('sync with a plan first, and not into nothing', async () => {
    const { from, to } = await work.twoRemotes();
    await write(from.root, { same: 'same', changed: 'new content', added: 'added' });
    await write(to.root, { same: 'same', changed: 'old', extra: 'extra' });
    const moment = new Date('2026-01-01T00:00:00Z');
    for (const root of [from.root, to.root]) await utimes(path.join(root, 'same'), moment, moment);
    const before = await text(to.root);
    const plan = await work.between('sync', from, to, { dryRun: true });
    expect(plan.result).toMatchObject({
      dryRun: true,
      plan: { create: { files: 1 }, update: { files: 1 }, delete: { files: 1 }, truncated: false },
    });
    expect(await text(to.root)).toEqual(before);
    expect(await work.between('sync', from, to)).toMatchObject({ status: 'completed' });
    expect(await text(to.root)).toEqual(await text(from.root));
    const empty = await work.remote();
    expect(await work.between('sync', empty, to)).toMatchObject({
      status: 'failed',
      errorCode: 'transfer_protected',
      retryCount: 0,
    });
    expect(await text(to.root)).toEqual(await text(from.root));
    expect(await work.between('sync', empty, to, { allowMassDelete: true })).toMatchObject({
      status: 'completed',
    });
    expect(await text(to.root)).toEqual({});
  });

  describe('backups', () => {
    const backups = async ({ id }: TestRemote, place = '/'): Promise<BackupList['items']> => {
      const { status, body } = await app.call<BackupList>('GET', `/api/remotes/${id}/backups?path=${place}`);
      expect(status).toBe(200);
      return body.items;
    };

    it('keep versions, say what there is, and bring each of them back as it was', async () => {
      const { from, to } = await work.twoRemotes();
      const options = { name: 'docs', mirror: true, keepLast: 3, allowMassDelete: true };
      const states: Record<string, string>[] = [
        { 'a.txt': 'one', 'deep/b': 'b', 'будет удалено': 'x' },
        { 'a.txt': 'two!', 'deep/b': 'b', 'c [1]': 'c' },
        { 'a.txt': 'three', 'deep/b/now a folder': 'b' },
        { 'a.txt': 'four!!', متن: 'سلام' },
        { 'a.txt': 'five!!!', متن: 'سلام' },
      ];
      const versions: string[] = [];
      for (const state of states) {
        await work.done('delete', { target: at(from), options: { allowMassDelete: true } });
        await write(from.root, state);
        const job = await work.between('backup', from, to, options);
        expect(job).toMatchObject({ status: 'completed' });
        versions.push((job.result as { version: string }).version);
      }
      const [backup] = await backups(to);
      expect(backup).toMatchObject({ name: 'docs', path: '/docs' });
      expect(backup?.versions.map(({ version, files }) => [version, files])).toEqual([
        [versions[4], 2],
        [versions[3], 2],
        [versions[2], 2],
      ]);
      expect(await backups(to, '/docs')).toEqual([backup]);
      for (const at3 of [2, 3, 4]) {
        const place = await work.remote();
        const job = await work.done('restore', {
          source: at(to, '/docs'),
          destination: at(place),
          version: versions[at3],
        });
        expect(job).toMatchObject({ status: 'completed' });
        expect(await text(place.root)).toEqual(states[at3]);
      }
      const place = await work.remote();
      await work.done('restore', { source: at(to, '/docs'), destination: at(place) });
      expect(await text(place.root)).toEqual(states[4]);
      const gone = { source: at(to, '/docs'), destination: at(place), version: versions[0] };
      expect(await work.done('restore', gone)).toMatchObject({
        status: 'failed',
        errorCode: 'version_not_found',
      });
    }, 120_000);

    it('are none where there are none, and nothing of a dry run stays', async () => {
      const { from, to } = await work.twoRemotes();
      await write(from.root, { a: 'a' });
      const dry = await work.between('backup', from, to, { dryRun: true });
      expect(dry).toMatchObject({ status: 'completed', result: { dryRun: true } });
      expect(await text(to.root)).toEqual({});
      expect(await backups(to)).toEqual([]);
      const missing = await app.call('GET', `/api/remotes/${to.id}/backups?path=/nowhere`);
      expect(missing).toMatchObject({ status: 404, body: { code: 'file_not_found' } });
    });
  });
});
