import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Copies, type TestRemote } from '../factories/copies.js';
import { FileWork, at } from '../factories/file-work.js';
import { TestApp } from '../harness/app.js';

/** Needs no rclone: what is refused is refused before, and without it a copy waits. */
describe('asking for a copy', () => {
  let app: TestApp;
  let copies: Copies;
  let from: TestRemote;
  let to: TestRemote;

  beforeAll(async () => {
    app = await TestApp.start({ environment: { RCLONE_PATH: '/nonexistent/rclone' } });
    copies = new Copies(app);
    ({ from, to } = await copies.twoRemotes());
  });
  afterAll(() => app.stop());

  const payload = (source: object = {}, destination: object = {}, more: object = {}): object => ({
    source: { remoteId: from.id, path: '/', ...source },
    destination: { remoteId: to.id, path: '/', ...destination },
    ...more,
  });

  it.each([
    '..',
    '/../etc',
    'a/../../b',
    'a/./b',
    '\uff0e\uff0e/etc',
    'a/\uff0e\u002e/b',
    '\u2024\u2024/x',
    'a\0b',
    'a\nb',
    '\ud800',
    'x'.repeat(4097),
    7,
    null,
  ])('refuses the path %j', async (path) => {
    const { status, body } = await copies.ask(payload({ path }));
    expect([status, body.errors.map(({ pointer }) => pointer)]).toEqual([400, ['/payload/source/path']]);
  });

  it('names every wrong field', async () => {
    const wrong = payload(
      { remoteId: 'local:/etc' },
      { path: '../x', type: 'local' },
      { options: { dryrun: true, transfers: 9, bandwidthLimit: 0, include: ['a\nb'] }, extra: 1 },
    );
    const { status, body } = await copies.ask(wrong);
    expect([status, body.errors.map(({ pointer }) => pointer).toSorted()]).toEqual([
      400,
      [
        '/payload/destination/path',
        '/payload/destination/type',
        '/payload/extra',
        '/payload/options/bandwidthLimit',
        '/payload/options/dryrun',
        '/payload/options/include/0',
        '/payload/options/transfers',
        '/payload/source/remoteId',
      ],
    ]);
  });

  it('names the known types for one that is unknown', async () => {
    const answer = await app.call('POST', '/api/jobs', { body: { type: 'teleport', payload: {} } });
    expect(answer).toMatchObject({
      status: 400,
      body: { code: 'job_type_unknown', errors: [{ pointer: '/type' }] },
    });
  });

  it('says which remote there is not, also of one that belongs to somebody else', async () => {
    const missing = randomUUID();
    expect(await copies.ask(payload({ remoteId: missing }))).toMatchObject({
      status: 404,
      body: { detail: 'There is no such source remote.' },
    });
    expect(await copies.ask(payload({}, { remoteId: missing }))).toMatchObject({
      status: 404,
      body: { detail: 'There is no such destination remote.' },
    });
    const { token } = await app.user();
    expect(await copies.ask(payload(), {}, token)).toMatchObject({
      status: 404,
      body: { detail: 'There is no such source remote.' },
    });
  });

  it.each([
    ['/', '/'],
    ['/', '/below'],
    ['/a', '/a/b/c'],
    ['/a/', '//a'],
    ['/caf\u00e9', '/cafe\u0301/x'],
  ])('refuses to copy %s into %s of the same remote', async (source, destination) => {
    const answer = await copies.ask(payload({ path: source }, { remoteId: from.id, path: destination }));
    expect(answer).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '/payload/destination', code: 'overlap' }] },
    });
  });

  it('refuses a path that is too long only below the root of its remote', async () => {
    const answer = await copies.ask(payload({}, { remoteId: to.id, path: '/' + 'x'.repeat(4090) }));
    expect(answer).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '/payload/destination/path', code: 'too_long' }] },
    });
  });

  it('lets a copy wait while rclone is missing, without spending a try, and tells', async () => {
    const { id } = await copies.start(from, to);
    const waiting = await copies.reach(id, ({ error }) => error !== null, 'a reason to wait');
    expect(waiting).toMatchObject({ status: 'pending', retryCount: 0, errorCode: 'postponed' });
    expect(waiting.error).toMatch(/^Install rclone/);
    expect(await copies.log(id)).toEqual([`warning Postponed: ${waiting.error}`]);
    const health = await app.call('GET', '/api/health');
    expect(health).toMatchObject({
      status: 200,
      body: { status: 'degraded', parts: { rclone: { status: 'degraded', detail: waiting.error } } },
    });
    const files = await app.call('GET', `/api/remotes/${from.id}/files`);
    expect(files).toMatchObject({ status: 503, body: { code: 'rclone_unavailable' } });
    expect(files.headers.get('retry-after')).toBe('30');
    const cancelled = await app.call('POST', `/api/jobs/${id}/cancel`);
    expect(cancelled).toMatchObject({ status: 200, body: { status: 'cancelled' } });
  });

  it('checks a local remote without rclone, when it is made and when somebody asks', async () => {
    const { id, root } = await copies.remote();
    const seen = async (method: string, place = ''): Promise<unknown> =>
      (await app.call<{ status: unknown }>(method, `/api/remotes/${id}${place}`)).body.status;
    expect([await seen('GET'), await seen('POST', '/check')]).toEqual(['online', 'online']);
    await rm(root, { recursive: true });
    expect([await seen('POST', '/check'), await seen('GET')]).toEqual(['offline', 'offline']);
  });

  it('lets jobs of every type wait for rclone in the same way, and explains it', async () => {
    const work = new FileWork(app, 'waiting ');
    const { from: source, to: destination } = await work.twoRemotes();
    const between = { source: at(source, '/a'), destination: at(destination, '/b') };
    const payloads = {
      move: between,
      sync: between,
      backup: between,
      restore: between,
      delete: { target: at(source, '/a') },
    };
    for (const [type, wanted] of Object.entries(payloads)) {
      const id = await work.make(type, wanted);
      const waiting = await work.reach(id, ({ error }) => error !== null, 'a reason to wait');
      expect(waiting).toMatchObject({ type, status: 'pending', retryCount: 0, errorCode: 'postponed' });
      const explained = await app.call('GET', `/api/jobs/${id}/explain`);
      expect(explained.body).toMatchObject({ reasons: [{ code: 'postponed', error: waiting.error }] });
      expect(waiting.error).toMatch(/^Install rclone/);
      await app.call('POST', `/api/jobs/${id}/cancel`);
    }
  });
});
