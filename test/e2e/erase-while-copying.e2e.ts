import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApp } from '../harness/app.js';
import { describeOnBothQueues } from '../harness/backends.js';
import { rclonePresent } from '../harness/capabilities.js';
import { write } from '../harness/files.js';
import { copyingProcesses } from '../harness/rclone-processes.js';
import { until } from '../harness/until.js';

describe.skipIf(!rclonePresent())('erasing somebody who copies', () => {
  describeOnBothQueues('in the middle of it', (redis) => {
    let app: TestApp;
    let client: Client;
    beforeAll(async () => {
      app = await TestApp.start({ redisUrl: redis });
      client = new Client({ connectionString: app.settings.databaseUrl });
      await client.connect();
    });
    afterAll(async () => {
      await client.end();
      await app.stop();
    });

    it('ends its rclone, removes the job and hands the remotes to an admin', async () => {
      const { id, token } = await app.user('admin');
      const remote = async (label: string): Promise<{ id: string; root: string }> => {
        const root = path.join(app.settings.localRoots[0] ?? '', label);
        await mkdir(root, { recursive: true });
        const body = { type: 'local', name: label, root };
        return { root, ...(await app.call<{ id: string }>('POST', '/api/remotes', { token, body })).body };
      };
      const [from, to] = [await remote('from'), await remote('to')];
      await write(from.root, { 'large.bin': randomBytes(8 * 1024 * 1024) });
      const job = await app.call<{ id: string }>('POST', '/api/jobs', {
        token,
        body: {
          type: 'copy',
          payload: {
            source: { remoteId: from.id, path: '/' },
            destination: { remoteId: to.id, path: '/' },
            options: { bandwidthLimit: 100_000 },
          },
        },
      });
      expect(job.status).toBe(202);
      await until(async () => (await copyingProcesses(process.pid)).length > 0, {
        describe: 'rclone to copy',
      });

      expect((await app.call('DELETE', '/api/users/me', { token })).status).toBe(204);
      await until(async () => (await copyingProcesses(process.pid)).length === 0, {
        describe: 'rclone to be gone',
      });
      await until(
        async () => (await client.query(`select from jobs where user_id = $1`, [id])).rowCount === 0,
        { describe: 'the job to be gone' },
      );
      const logs = await client.query(`select from job_logs where job_id = $1`, [job.body.id]);
      expect(logs.rowCount).toBe(0);
      for (const { id: remoteId } of [from, to])
        expect(
          (await app.call<{ ownerId: string }>('GET', `/api/remotes/${remoteId}`)).body.ownerId,
        ).not.toBe(id);
    });
  });
});
