import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe } from 'vitest';
import { Copies } from '../factories/copies.js';
import { TestJobsModule } from '../factories/jobs.js';
import { Person } from '../harness/account.js';
import type { TestApp } from '../harness/app.js';
import { rclonePresent, redisUrl } from '../harness/capabilities.js';
import { withClient } from '../harness/database.js';
import { tree, write } from '../harness/files.js';
import { jobConformance } from '../harness/job-conformance.js';
import { mailsSettled } from '../harness/outbox.js';

jobConformance({
  type: 'test-echo',
  modules: [TestJobsModule],
  payload: () => ({ text: 'سلام 안녕 สวัสดี привет 😀' }),
});

const redis = redisUrl();
describe.skipIf(redis === undefined)('on Redis', () => {
  jobConformance({
    type: 'test-echo',
    redisUrl: redis,
    modules: [TestJobsModule],
    payload: () => ({ text: 'once' }),
  });
});

describe.skipIf(!rclonePresent())('with rclone', () => {
  const targets = new WeakMap<object, string>();
  jobConformance({
    type: 'copy',
    payload: async (app) => {
      const { from, to } = await new Copies(app, crypto.randomUUID()).twoRemotes();
      await write(from.root, { 'a.txt': 'a', 'deep/б.txt': 'b', 'deep/空.bin': 'x'.repeat(200_000) });
      const payload = {
        source: { remoteId: from.id, path: '/' },
        destination: { remoteId: to.id, path: '/' },
        options: { transfers: 2, exclude: ['*.tmp'] },
      };
      targets.set(payload, to.root);
      return payload;
    },
    effects: (_app, payload) => tree(targets.get(payload) ?? ''),
  });
});

const outbox = async ({ settings }: TestApp): Promise<string[]> =>
  (await readdir(path.join(settings.dataDir, 'outbox'))).filter((name) => name.endsWith('.eml')).toSorted();

jobConformance({
  type: 'send-mail',
  // What the registration of somebody asks for, once more.
  payload: async (app) => {
    await Person.register(app, `${crypto.randomUUID()}@conformance.test`);
    const url = app.settings.databaseUrl ?? '';
    await mailsSettled(url);
    const { rows } = await withClient(url, (sql) =>
      sql.query<{ payload: object }>(
        `select payload from jobs where type = 'send-mail' and payload ->> 'mail' = 'verify-email' order by id desc limit 1`,
      ),
    );
    return rows[0]?.payload ?? {};
  },
  effects: outbox,
});
