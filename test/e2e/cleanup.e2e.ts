import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redisUrl } from '../harness/capabilities.js';
import { TestApp } from '../harness/app.js';
import { idIn, makeMonth, monthAgo, partitionExists, plantJobs } from '../harness/old-months.js';
import { S3TestServer } from '../harness/s3-server.js';
import { until } from '../harness/until.js';

interface Job {
  readonly id: string;
  readonly status: string;
  readonly error: string | null;
  readonly result: Readonly<Record<string, { removed: number; archived: number; dropped: string[] }>>;
}

const backends: [string, () => string | undefined][] = [
  ['PostgreSQL and a folder', () => undefined],
  ['Redis and a bucket', redisUrl],
];

describe.each(backends)('a cleanup on %s', (name, backend) => {
  const redis = backend();
  if (name.startsWith('Redis') && redis === undefined) return;
  let app: TestApp;
  let server: S3TestServer;
  let client: Client;
  beforeAll(async () => {
    server = await S3TestServer.start();
    const { endpoint, region, bucket, accessKey, secretKey } = server.address;
    app = await TestApp.start({
      redisUrl: redis,
      environment:
        redis === undefined
          ? {}
          : {
              STEWARD_STORE: 's3',
              STEWARD_S3_ENDPOINT: endpoint,
              STEWARD_S3_REGION: region,
              STEWARD_S3_BUCKET: bucket,
              STEWARD_S3_ACCESS_KEY: accessKey,
              STEWARD_S3_SECRET_KEY: secretKey,
            },
    });
    client = new Client({ connectionString: app.settings.databaseUrl });
    await client.connect();
  });
  afterAll(async () => {
    await client.end();
    await app.stop();
    await server.stop();
  });

  async function clean(payload: object): Promise<Job> {
    const { status, body } = await app.call<Job>('POST', '/api/jobs', { body: { type: 'cleanup', payload } });
    expect(status).toBe(202);
    return until(
      async () => {
        const { body: job } = await app.call<Job>('GET', `/api/jobs/${body.id}`);
        return ['completed', 'failed'].includes(job.status) ? job : null;
      },
      { describe: 'the cleanup to end' },
    );
  }

  it('archives and drops what is old, and says how much; a dry run only counts', async () => {
    const month = await monthAgo(client, 15);
    await makeMonth(client, month);
    const { id: userId } = await app.user();
    await plantJobs(client, [
      { id: idIn(month, 1), userId },
      { id: idIn(month, 2), userId },
    ]);
    const dry = await clean({ dryRun: true });
    expect(dry).toMatchObject({
      status: 'completed',
      result: { dryRun: true, jobs: { removed: 2, archived: 0 } },
    });
    expect(await partitionExists(client, 'jobs', month)).toBe(true);

    const wet = await clean({});
    expect(wet).toMatchObject({
      status: 'completed',
      result: { jobs: { removed: 2, archived: 2, dropped: [`jobs ${month}`] }, 'job-logs': {}, events: {} },
    });
    expect(await partitionExists(client, 'jobs', month)).toBe(false);
    expect(server.objects.size).toBe(redis === undefined ? 0 : 1);

    // Erased afterwards: the archive is written anew by a job, without the person.
    expect((await app.call('DELETE', `/api/users/${userId}`)).status).toBe(204);
    await until(
      async () => {
        const { rows } = await client.query<{ rows: string }>(`select sum(rows) as rows from archives`);
        return rows[0]?.rows === '0';
      },
      { describe: 'the archive to be written anew' },
    );
  });

  it('is for admins', async () => {
    const { token } = await app.user('power_user');
    const answer = await app.call<{ code: string }>('POST', '/api/jobs', {
      token,
      body: { type: 'cleanup', payload: {} },
    });
    expect([answer.status, answer.body.code]).toEqual([403, 'role_required']);
  });

  it.each([{ dryRun: 'yes' }, { dryRun: null }, { days: 0 }, [], 'all'])(
    'takes no payload %j',
    async (payload) => {
      const answer = await app.call('POST', '/api/jobs', { body: { type: 'cleanup', payload } });
      expect(answer.status).toBe(400);
    },
  );

  it('shows its store in the health report', async () => {
    const { body } = await app.call<{ parts: Record<string, { status: string }> }>('GET', '/api/health');
    expect([body.parts['store']?.status, body.parts['partitions']?.status]).toEqual(['ok', 'ok']);
  });
});
