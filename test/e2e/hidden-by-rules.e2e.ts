import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobView } from '../../src/modules/jobs/jobs.schema.js';
import type { TestRemote } from '../factories/copies.js';
import { FileWork, at } from '../factories/file-work.js';
import { PermissionsDesk, denying, type Person } from '../factories/remote-permissions.js';
import { TestApp } from '../harness/app.js';
import { rclonePresent } from '../harness/capabilities.js';
import { texts, write } from '../harness/files.js';

const HIDDEN = {
  '.git/HEAD': 'h',
  'repo/.git/config': 'c',
  'repo/deep/.git': 'a file',
  'id.key': 'k',
  'repo/deep/-x.key': 'a dash',
  'repo/b.key/inside': 'i',
  'repo/new\nline.key': 'n',
  'repo/-[1]{2}.key': 'b',
  'repo/\u1112\u1161\u11ab.key': 'd',
};
const OTHERS = {
  '.gitignore': 'g',
  'repo/.github/x': 'x',
  'repo/src/a.ts': 'a',
  'repo/keyring': 'r',
  'repo/deep/한국어': 'e',
  'repo/b.keys': 's',
};
const all = ['read', 'write', 'delete'] as const;

describe.skipIf(!rclonePresent())('what rules with wildcards hide', () => {
  let app: TestApp;
  let work: FileWork;
  let desk: PermissionsDesk;
  beforeAll(async () => {
    app = await TestApp.start();
    work = new FileWork(app);
    desk = new PermissionsDesk(app);
  });
  afterAll(() => app.stop());

  /** A remote with everything in it, and one without; both with the same rules. */
  async function sides(): Promise<{ user: Person; from: TestRemote; to: TestRemote }> {
    const user = await app.user();
    const { from, to } = await work.twoRemotes();
    await write(from.root, { ...HIDDEN, ...OTHERS });
    for (const { id } of [from, to])
      await desk.put(id, user, [...all], [denying('/**/.git', ...all), denying('/**/*.key', ...all)]);
    return { user, from, to };
  }

  async function done({ token }: Person, type: string, payload: object): Promise<JobView> {
    const made = await app.call<JobView>('POST', '/api/jobs', { token, body: { type, payload } });
    expect(made).toMatchObject({ status: 202 });
    return work.ended(made.body.id);
  }

  /** What the user is shown, folder by folder. */
  async function shown(user: Person, remote: TestRemote, folder = '/'): Promise<string[]> {
    const place = `/api/remotes/${remote.id}/files?path=${encodeURIComponent(folder)}`;
    const { body } = await app.call<{ items: { path: string; isDir: boolean }[] }>('GET', place, {
      token: user.token,
    });
    const files = body.items.filter(({ isDir }) => !isDir).map(({ path }) => path.replace(/^\//, ''));
    const folders = body.items.filter(({ isDir }) => isDir);
    const below = await Promise.all(folders.map(({ path }) => shown(user, remote, path)));
    return [...files, ...below.flat()];
  }

  it('is not copied, planned or compared, and all else is', async () => {
    const { user, from, to } = await sides();
    const copy = { source: at(from), destination: at(to) };
    const planned = await done(user, 'copy', { ...copy, options: { dryRun: true } });
    expect(planned).toMatchObject({ status: 'completed', result: { plan: { create: { files: 6 } } } });
    const copied = await done(user, 'copy', { ...copy, options: { verify: true, include: ['**'] } });
    expect(copied).toMatchObject({
      status: 'completed',
      result: { files: { created: 6 }, verification: { compared: 6, differing: [] } },
    });
    expect(await texts(to.root)).toEqual(OTHERS);
    expect((await shown(user, from)).toSorted()).toEqual(Object.keys(OTHERS).toSorted());
    const { body } = await desk.call('GET', `/${from.id}/permissions/explain?action=read&path=/repo`, user);
    expect(body.tree).toMatchObject({ answer: 'partial', hidden: ['**/.git', '**/*.key'] });
  });

  it('is not overwritten at the destination either', async () => {
    const { user, from, to } = await sides();
    await desk.put(from.id, user, [...all]);
    await write(to.root, { 'id.key': 'of somebody else' });
    const result = await done(user, 'copy', { source: at(from), destination: at(to) });
    expect(result.status).toBe('completed');
    expect(await texts(to.root)).toEqual({ ...OTHERS, 'id.key': 'of somebody else' });
    const one = { source: at(from, '/repo/b.keys'), destination: at(to, '/x') };
    expect((await done(user, 'copy', one)).status).toBe('completed');
    const denied = await app.call('POST', '/api/jobs', {
      token: user.token,
      body: { type: 'copy', payload: { source: at(from, '/id.key'), destination: at(to, '/id.key') } },
    });
    expect(denied.status).toBe(403);
    const into = await done(user, 'copy', { source: at(from, '/id.key'), destination: at(to) });
    expect(into).toMatchObject({ status: 'failed', errorCode: 'remote_permission_required' });
    expect((await texts(to.root))['id.key']).toBe('of somebody else');
  });

  it('is not deleted, with the folders it is in', async () => {
    const { user, from } = await sides();
    const target = { target: at(from, '/repo') };
    const planned = await done(user, 'delete', { ...target, options: { dryRun: true } });
    expect(planned.result).toMatchObject({ plan: { delete: { files: 5 } } });
    expect((await done(user, 'delete', target)).status).toBe('completed');
    expect(await texts(from.root)).toEqual({ ...HIDDEN, '.gitignore': 'g' });
  });

  it('is not backed up, and what is versioned is the rest', async () => {
    const { user, from } = await sides();
    const store = await work.remote();
    await desk.put(store.id, user, [...all]);
    const backup = {
      source: at(from, '/repo'),
      destination: at(store),
      options: { mirror: true, verify: true },
    };
    expect((await done(user, 'backup', backup)).status).toBe('completed');
    await write(from.root, { 'repo/src/a.ts': 'changed', 'repo/b.key/inside': 'changed' });
    expect((await done(user, 'backup', backup)).status).toBe('completed');
    const kept = Object.keys(await texts(store.root)).filter((name) => !name.endsWith('.jsonl'));
    const current = Object.keys(OTHERS).filter((name) => name.startsWith('repo/'));
    expect(kept.filter((name) => name.includes('/current/')).toSorted()).toEqual(
      current.map((name) => name.replace('repo/', 'repo/current/')).toSorted(),
    );
    expect(kept.filter((name) => name.includes('/versions/'))).toEqual([
      expect.stringMatching(/src\/a\.ts$/),
    ]);
  });

  it('refuses what it would lose something in, and white lists', async () => {
    const { user, from, to } = await sides();
    const ask = (type: string) =>
      app.call('POST', '/api/jobs', {
        token: user.token,
        body: { type, payload: { source: at(from), destination: at(to) } },
      });
    for (const type of ['move', 'sync']) expect(await ask(type)).toMatchObject({ status: 403 });
    const list = [{ path: '/repo/src', allow: [...all], deny: [] }];
    await desk.put(from.id, user, [...all], list);
    expect(await ask('copy')).toMatchObject({ status: 403 });
    const one = { source: at(from, '/repo/src'), destination: at(to, '/src') };
    expect((await done(user, 'copy', one)).status).toBe('completed');
  });
});
