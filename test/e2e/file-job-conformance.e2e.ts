import { describe } from 'vitest';
import { FileWork, at } from '../factories/file-work.js';
import type { TestApp } from '../harness/app.js';
import { rclonePresent } from '../harness/capabilities.js';
import { tree, write } from '../harness/files.js';
import { jobConformance } from '../harness/job-conformance.js';

/** What lies in the remotes of a payload. */
const roots = new WeakMap<object, readonly string[]>();
const effects = (_app: TestApp, payload: object): Promise<unknown> =>
  Promise.all((roots.get(payload) ?? []).map(tree));

async function example(
  app: TestApp,
  options: object,
): Promise<{ work: FileWork; payload: object; to: string }> {
  const work = new FileWork(app, crypto.randomUUID());
  const { from, to } = await work.twoRemotes();
  await write(from.root, { 'a.txt': 'a', 'deep/б.txt': 'b', 'deep/空.bin': 'x'.repeat(200_000) });
  await write(to.root, { 'a.txt': 'older', extra: 'extra' });
  const payload = { source: at(from), destination: at(to), options };
  roots.set(payload, [from.root, to.root]);
  return { work, payload, to: to.id };
}

describe.skipIf(!rclonePresent())('with rclone', () => {
  jobConformance({
    type: 'move',
    payloads: 30,
    payload: async (app) => (await example(app, { transfers: 2, exclude: ['*.tmp'] })).payload,
    effects,
  });
  jobConformance({
    type: 'sync',
    payloads: 30,
    payload: async (app) => (await example(app, { allowMassDelete: true, checkers: 4 })).payload,
    effects,
  });
  jobConformance({
    type: 'backup',
    payloads: 30,
    payload: async (app) => (await example(app, { name: 'docs', mirror: true, keepLast: 2 })).payload,
    effects,
  });
  jobConformance({
    type: 'restore',
    payloads: 30,
    payload: async (app) => {
      const { work, payload, to } = await example(app, { name: 'docs' });
      const { result } = await work.done('backup', payload);
      const place = await work.remote();
      const restored = {
        source: { remoteId: to, path: '/docs' },
        destination: at(place),
        version: (result as { version: string }).version,
        options: { checksum: true },
      };
      roots.set(restored, [place.root]);
      return restored;
    },
    effects,
  });
  jobConformance({
    type: 'delete',
    payloads: 30,
    payload: async (app) => {
      const work = new FileWork(app, crypto.randomUUID());
      const remote = await work.remote();
      await write(remote.root, { 'here/a.txt': 'a', 'here/deep/b.txt': 'b', 'there/c.txt': 'c' });
      const payload = { target: at(remote, '/here'), options: { exclude: ['*.tmp'] } };
      roots.set(payload, [remote.root]);
      return payload;
    },
    effects,
  });
});
