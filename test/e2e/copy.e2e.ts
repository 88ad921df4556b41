import { randomBytes } from 'node:crypto';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Copies } from '../factories/copies.js';
import { TestApp } from '../harness/app.js';
import { describeOnBothQueues } from '../harness/backends.js';
import { rclonePresent } from '../harness/capabilities.js';
import { TestEventSource } from '../harness/event-source.js';
import { tree, write } from '../harness/files.js';
import { copyingProcesses } from '../harness/rclone-processes.js';
import { until } from '../harness/until.js';

const MiB = 1024 * 1024;

describe.skipIf(!rclonePresent())('copies', () => {
  describeOnBothQueues('between two remotes', (redis) => {
    let app: TestApp;
    let copies: Copies;

    beforeAll(async () => {
      app = await TestApp.start({ redisUrl: redis });
      copies = new Copies(app);
    });
    afterAll(() => app.stop());

    const follow = (id: string): Promise<TestEventSource> =>
      TestEventSource.open(`${app.url}/api/jobs/${id}/events`, { authorization: `Bearer ${app.adminToken}` });
    const listing = async (remoteId: string, query = ''): Promise<string[]> => {
      const place = `/api/remotes/${remoteId}/files${query}`;
      const { status, body } = await app.call<{ items: { path: string }[] }>('GET', place);
      expect(status).toBe(200);
      return body.items.map((item) => item.path);
    };

    interface FilesPage {
      readonly items: readonly { readonly name: string }[];
      readonly nextCursor: string | null;
    }
    const pageOf = async (remoteId: string, cursor: string | null): Promise<FilesPage> => {
      const place = `/api/remotes/${remoteId}/files?limit=10${cursor === null ? '' : `&cursor=${cursor}`}`;
      return (await app.call<FilesPage>('GET', place)).body;
    };

    it('copies files byte for byte and shows them at once', async () => {
      const { from, to } = await copies.twoRemotes();
      const names = ['a.bin', 'متن/سلام.txt', '한글/환영.txt', 'ข้อความ.txt', 'Привет [1] {x}*.txt', '-dash'];
      await write(from.root, Object.fromEntries(names.map((file) => [file, randomBytes(3_000)])));
      expect(await listing(to.id)).toEqual([]);
      const job = await copies.ended((await copies.start(from, to)).id);
      expect(job).toMatchObject({
        status: 'completed',
        progress: 100,
        retryCount: 0,
        result: { bytes: 18_000, files: { created: 6, unchanged: 0, failed: 0 }, failedFiles: [] },
      });
      expect(await tree(to.root)).toEqual(await tree(from.root));
      expect(await listing(to.id)).toHaveLength(6);
      expect(await listing(to.id, `?path=${encodeURIComponent('/متن')}`)).toEqual(['/متن/سلام.txt']);
    });

    it('copies only what has changed the second time', async () => {
      const { from, to } = await copies.twoRemotes();
      await write(from.root, { a: 'one', b: 'two' });
      await copies.ended((await copies.start(from, to)).id);
      await write(from.root, { b: 'two and more' });
      const again = await copies.ended((await copies.start(from, to)).id);
      expect(again.result).toMatchObject({ files: { created: 0, updated: 1 } });
    });

    it('honours its filters, and writes nothing in a dry run', async () => {
      const { from, to } = await copies.twoRemotes();
      await write(from.root, { 'a.txt': 'a', 'b.log': 'b', 'sub/c.txt': 'c' });
      const dry = await copies.ended((await copies.start(from, to, { dryRun: true })).id);
      expect(dry.result).toMatchObject({ dryRun: true, files: { created: 3 } });
      expect(await tree(to.root)).toEqual({});
      await copies.ended((await copies.start(from, to, { include: ['*.txt'], exclude: ['/sub/**'] })).id);
      expect(Object.keys(await tree(to.root))).toEqual(['a.txt']);
    });

    it('pages through a folder in the order of names', async () => {
      const { from } = await copies.twoRemotes();
      const names = Array.from({ length: 25 }, (_, index) => `f${String(index).padStart(2, '0')}`);
      await write(from.root, Object.fromEntries(names.map((file) => [file, file])));
      const seen: string[] = [];
      for (let page = await pageOf(from.id, null); ; page = await pageOf(from.id, page.nextCursor)) {
        seen.push(...page.items.map((item) => item.name));
        if (page.nextCursor === null) break;
      }
      expect(seen).toEqual(names);
    });

    it('shows progress that never goes back and ends at 100', async () => {
      const { from, to } = await copies.twoRemotes();
      await write(from.root, { big: randomBytes(12 * MiB) });
      const { id } = await copies.start(from, to, { bandwidthLimit: 6 * MiB });
      const stream = await follow(id);
      await until(() => stream.ended, { describe: 'the end of the stream' });
      const last = stream.events.at(-1);
      expect(last).toMatchObject({ event: 'end', data: { status: 'completed', progress: 100 } });
      const shown = stream.events
        .filter(({ event }) => event === 'progress')
        .map(({ data }) => Number(data['progress']));
      expect(shown.length).toBeGreaterThan(2);
      expect(shown).toEqual(shown.toSorted((a, b) => a - b));
      expect(Math.max(...shown)).toBeLessThan(100);
      expect(shown.some((percent) => percent > 10 && percent < 90)).toBe(true);
      expect(await tree(to.root)).toEqual(await tree(from.root));
    });

    it('stops in the middle when it is cancelled and leaves no rclone behind', async () => {
      const { from, to } = await copies.twoRemotes();
      await write(from.root, { slow: randomBytes(20 * MiB) });
      const { id } = await copies.start(from, to, { bandwidthLimit: MiB });
      await copies.reach(id, ({ progress }) => progress > 0, 'bytes to move');
      expect(await copyingProcesses(process.pid)).toHaveLength(1);
      const asked = await app.call('POST', `/api/jobs/${id}/cancel`);
      expect(asked).toMatchObject({ status: 200, body: { cancelRequested: true } });
      expect(await copies.ended(id)).toMatchObject({ status: 'cancelled', error: null, completedAt: null });
      expect((await copies.log(id)).at(-1)).toMatch(/^warning Ended before it was done: 0 files copied/);
      expect(await tree(to.root)).toEqual({});
      expect(await copyingProcesses(process.pid)).toEqual([]);
    });

    it('fails at once when another try would fail too, and says why', async () => {
      const { from, to } = await copies.twoRemotes();
      const source = { remoteId: from.id, path: '/nothing/here' };
      const { body } = await copies.ask({ source, destination: { remoteId: to.id, path: '/' } });
      expect(await copies.ended(body.id)).toMatchObject({
        status: 'failed',
        retryCount: 0,
        errorCode: 'transfer_not_found',
        error: 'There is nothing at /nothing/here.',
      });
    });

    it('fails for a remote that was deleted while the job waited', async () => {
      const { from, to } = await copies.twoRemotes();
      const scheduledFor = new Date(Date.now() + 2_000).toISOString();
      const { id } = await copies.start(from, to, {}, { scheduledFor });
      await app.call('DELETE', `/api/remotes/${to.id}`, { headers: { 'if-match': '*' } });
      expect(await copies.ended(id)).toMatchObject({
        status: 'failed',
        errorCode: 'not_found',
        error: 'There is no such destination remote.',
      });
    });

    it('tries again when rclone dies, and shows why meanwhile', async () => {
      const { from, to } = await copies.twoRemotes();
      await write(from.root, { slow: randomBytes(20 * MiB) });
      const { id } = await copies.start(from, to, { bandwidthLimit: MiB });
      await copies.reach(id, ({ progress }) => progress > 0, 'bytes to move');
      const [pid] = await copyingProcesses(process.pid);
      if (pid === undefined) throw new Error('no rclone copies');
      process.kill(pid, 'SIGKILL');
      const waiting = await copies.reach(id, ({ retryCount }) => retryCount === 1, 'another try to come');
      expect(waiting).toMatchObject({
        status: 'pending',
        errorCode: 'transfer_temporary',
        error: 'rclone ended (SIGKILL) during the transfer.',
      });
      await app.call('POST', `/api/jobs/${id}/cancel`);
    });

    it('follows no link out of a remote', async () => {
      const { from, to } = await copies.twoRemotes();
      const outside = path.join(app.settings.dataDir, 'outside');
      await mkdir(outside);
      await writeFile(path.join(outside, 'secret'), 'secret');
      await symlink(outside, path.join(from.root, 'way'));
      await write(from.root, { plain: 'plain' });
      const { body } = await copies.ask({
        source: { remoteId: from.id, path: '/way' },
        destination: { remoteId: to.id, path: '/' },
      });
      expect(await copies.ended(body.id)).toMatchObject({
        status: 'failed',
        errorCode: 'transfer_permission',
      });
      const whole = await copies.ended((await copies.start(from, to)).id);
      expect(whole.status).toBe('completed');
      expect(Object.keys(await tree(to.root))).toEqual(['plain']);
      const files = await app.call('GET', `/api/remotes/${from.id}/files?path=/way`);
      expect(files).toMatchObject({ status: 403, body: { code: 'transfer_permission' } });
    });
  });
});
