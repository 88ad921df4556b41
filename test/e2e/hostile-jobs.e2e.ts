import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Copies, type TestRemote } from '../factories/copies.js';
import {
  REFUSED_PATHS,
  WRONG_OPTION_VALUES,
  harmlessPaths,
  harmlessPatterns,
  hostileJobOptions,
  remotesOnTheSpot,
} from '../far-sides/attacks.js';
import { Canary } from '../far-sides/canary.js';
import { TestApp } from '../harness/app.js';
import { rclonePresent } from '../harness/capabilities.js';
import { tree, write } from '../harness/files.js';

interface Refusal {
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly { pointer: string }[];
}

/** What a client can say in a job or a look into a remote, and what rclone could be made to do with it. */
describe('hostile texts', () => {
  let app: TestApp;
  let canary: Canary;
  let copies: Copies;
  let from: TestRemote;
  let to: TestRemote;

  beforeAll(async () => {
    canary = await Canary.start();
    app = await TestApp.start();
    copies = new Copies(app, 'hostile ');
    ({ from, to } = await copies.twoRemotes());
    await write(from.root, { 'plain.txt': 'plain' });
  });
  afterEach(() => canary.assertUnharmed());
  afterAll(async () => {
    await app.stop();
    await canary.stop();
  });

  /** Asks, and tells the status with the fields that were named. */
  async function refusal(method: string, place: string, body: unknown): Promise<[number, string[]]> {
    const answer = await app.call<Refusal | null>(method, place, { body });
    const pointers = (answer.body?.errors ?? []).map(({ pointer }) => pointer);
    return [answer.status, pointers.toSorted()];
  }
  const job = (type: string, payload: object): Promise<[number, string[]]> =>
    refusal('POST', '/api/jobs', { type, payload });
  const twoPlaces = (source: object = {}, destination: object = {}): object => ({
    source: { remoteId: from.id, path: '/', ...source },
    destination: { remoteId: to.id, path: '/', ...destination },
  });
  const PLACES = ['copy', 'move', 'sync', 'backup'] as const;

  describe.each(PLACES)('in a job of type %s', (type) => {
    it('are no remotes', async () => {
      for (const remoteId of [...remotesOnTheSpot(canary), '', null, 1, {}, `${from.id}:`, ` ${from.id}`]) {
        const asSource = await job(type, twoPlaces({ remoteId }));
        expect([remoteId, ...asSource]).toEqual([remoteId, 400, ['/payload/source/remoteId']]);
        const asDestination = await job(type, twoPlaces({}, { remoteId }));
        expect([remoteId, ...asDestination]).toEqual([remoteId, 400, ['/payload/destination/remoteId']]);
      }
    });

    it('are no paths where they would lead out', async () => {
      for (const { path: hostile } of REFUSED_PATHS) {
        const asSource = await job(type, twoPlaces({ path: hostile }));
        expect([hostile, ...asSource]).toEqual([hostile, 400, ['/payload/source/path']]);
        const asDestination = await job(type, twoPlaces({}, { path: hostile }));
        expect([hostile, ...asDestination]).toEqual([hostile, 400, ['/payload/destination/path']]);
      }
    });

    it('are no options', async () => {
      for (const options of [...hostileJobOptions(canary), ...WRONG_OPTION_VALUES]) {
        const [status, pointers] = await job(type, { ...twoPlaces(), options });
        const [name = ''] = Object.keys(options);
        expect([options, status]).toEqual([options, 400]);
        for (const pointer of pointers) expect(`${pointer}/`).toContain(`/payload/options/${name}/`);
        expect([options, pointers.length > 0]).toEqual([options, true]);
      }
    });
  });

  it('are no target of a deletion', async () => {
    for (const remoteId of remotesOnTheSpot(canary))
      expect(await job('delete', { target: { remoteId, path: '/x' } })).toEqual([
        400,
        ['/payload/target/remoteId'],
      ]);
    for (const { path: hostile } of REFUSED_PATHS)
      expect(await job('delete', { target: { remoteId: from.id, path: hostile } })).toEqual([
        400,
        ['/payload/target/path'],
      ]);
  });

  describe('for looking into remotes', () => {
    it('are refused as paths', async () => {
      for (const { path: hostile } of REFUSED_PATHS) {
        if (typeof hostile !== 'string' || /\p{Surrogate}/u.test(hostile)) continue;
        const query = `path=${encodeURIComponent(hostile)}`;
        for (const place of ['files', 'files/content']) {
          const answer = await app.call<Refusal>('GET', `/api/remotes/${from.id}/${place}?${query}`);
          // The server of Node refuses a line that long before anybody else sees it.
          const refused = hostile.length < 5_000 ? [400] : [400, 414, 431];
          expect([hostile.slice(0, 50), refused]).toEqual([
            hostile.slice(0, 50),
            expect.arrayContaining([answer.status]),
          ]);
        }
      }
    });

    it('are refused as remotes', async () => {
      for (const text of remotesOnTheSpot(canary)) {
        const answer = await app.call<Refusal>('GET', `/api/remotes/${encodeURIComponent(text)}/files`);
        expect([text, [400, 404, 414].includes(answer.status)]).toEqual([text, true]);
      }
    });

    it.skipIf(!rclonePresent())('are names of files that are not there', async () => {
      for (const name of harmlessPaths(canary)) {
        const query = `path=${encodeURIComponent(`/${name}`)}`;
        for (const place of ['files', 'files/content']) {
          const answer = await app.call<unknown>('GET', `/api/remotes/${from.id}/${place}?${query}`);
          expect([name, answer.status]).toEqual([name, 404]);
          expect(await canary.harm(JSON.stringify(answer.body))).toEqual([]);
        }
      }
    });
  });

  describe.skipIf(!rclonePresent())('that files may be named', () => {
    it('are copied as they are called, and nothing else is', async () => {
      const { from: source, to: target } = await copies.twoRemotes();
      const names = harmlessPaths(canary)
        .map((name) => name.replace(/^\/+/, ''))
        .filter((name) => Buffer.byteLength(name) < 200 && name !== '*' && name !== '**');
      await write(source.root, Object.fromEntries(names.map((name) => [`files/${name}/x`, name])));
      for (const name of names) {
        const place = `/files/${name}`;
        const { status, body } = await copies.ask({
          source: { remoteId: source.id, path: place },
          destination: { remoteId: target.id, path: place },
        });
        expect([name, status]).toEqual([name, 202]);
        const { status: end, error } = await copies.ended(body.id);
        expect([name, end, error]).toEqual([name, 'completed', null]);
      }
      expect(await tree(target.root)).toEqual(await tree(source.root));
      expect(await readdir(path.dirname(target.root))).not.toContain('it-was-run');
    });

    it('are patterns and open no file', async () => {
      for (const include of harmlessPatterns(canary)) {
        const { from: source, to: target } = await copies.twoRemotes();
        await write(source.root, { a: 'a' });
        const { status, body } = await copies.ask({
          source: { remoteId: source.id, path: '/' },
          destination: { remoteId: target.id, path: '/' },
          options: { include: [include] },
        });
        expect([include, status]).toEqual([include, 202]);
        await copies.ended(body.id);
        expect(await canary.harm(...(await copies.log(body.id)))).toEqual([]);
        expect(await tree(target.root)).toEqual({});
      }
    });
  });
});
