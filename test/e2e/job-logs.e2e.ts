import { Module } from '@nestjs/common';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { HandlesJob, JobHandler, defineJob, type JobContext } from '../../src/modules/jobs/index.js';
import type { JobLogView, JobView } from '../../src/modules/jobs/jobs.schema.js';
import { TestApp } from '../harness/app.js';
import { describeOnBothQueues } from '../harness/backends.js';
import { TestEventSource } from '../harness/event-source.js';
import { until } from '../harness/until.js';

const SAID = 'سلام 안녕 สวัสดี привет 😀';
const LEVELS = ['debug', 'info', 'warning', 'error', 'fatal'] as const;

/** Lets the jobs go on that wait, once a test listens to them. */
const gates = new Map<string, () => void>();
const gate = (jobId: string): Promise<void> => new Promise((resolve) => void gates.set(jobId, resolve));
async function open(jobId: string): Promise<void> {
  (await until(() => gates.get(jobId) ?? null, { describe: 'the handler to wait' }))();
  gates.delete(jobId);
}

const payload = z.strictObject({ how: z.enum(['levels', 'evil', 'much', 'progress']) });

@HandlesJob(
  defineJob({ name: 'test-talk', summary: 'Talks.', payload, backoff: { kind: 'fixed', seconds: 0.05 } }),
)
class Talk extends JobHandler<z.output<typeof payload>> {
  async run(
    { jobId, retryCount, log, progress }: JobContext,
    { how }: z.output<typeof payload>,
  ): Promise<null> {
    await gate(jobId);
    if (how === 'levels') for (const level of LEVELS) log(level, `${level} ${SAID}`, { level });
    if (how === 'evil') log('info', 'a\0b\ud800c', { 'key\0': ['\udfff', '\\u0000 as text'] });
    if (how === 'much') {
      log('info', `${'x'.repeat(7_998)}😀 and more`, { text: 'y'.repeat(9_000) });
      for (let line = 0; line < 1_100; line += 1) log('info', `line ${line}`);
    }
    if (how === 'progress') {
      progress(retryCount === 0 ? 60 : 20, { said: SAID, nested: { zero: 'a\0b' } });
      progress(10);
      await gate(jobId);
      if (retryCount === 0) throw new Error('once more');
    }
    return null;
  }
}

@Module({ providers: [Talk] })
class TalkModule {}

describeOnBothQueues('what a job says', (redis) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await TestApp.start({ redisUrl: redis, modules: [TalkModule] });
  });
  afterAll(() => app.stop());

  const create = async (how: string): Promise<string> => {
    const body = { type: 'test-talk', payload: { how } };
    return (await app.call<JobView>('POST', '/api/jobs', { body })).body.id;
  };
  const job = async (id: string): Promise<JobView> =>
    (await app.call<JobView>('GET', `/api/jobs/${id}`)).body;
  /** Resolves when the stream shows the job; what comes before that is part of what it shows. */
  const follow = async (id: string): Promise<TestEventSource> => {
    const headers = { authorization: `Bearer ${app.adminToken}` };
    const stream = await TestEventSource.open(`${app.url}/api/jobs/${id}/events`, headers);
    await stream.received(1);
    return stream;
  };
  const ended = (stream: TestEventSource) =>
    until(() => stream.events.find(({ event }) => event === 'end'), {
      describe: () => `the end, after ${JSON.stringify(stream.events).slice(0, 500)}`,
    });
  const list = async (id: string, query = ''): Promise<readonly JobLogView[]> =>
    (await app.call<{ items: JobLogView[] }>('GET', `/api/jobs/${id}/logs?limit=100${query}`)).body.items;
  const told = async (how: string) => {
    const id = await create(how);
    const stream = await follow(id);
    await open(id);
    await ended(stream);
    const lines = stream.events.filter(({ event }) => event === 'log').map(({ data }) => data);
    return { id, lines };
  };

  it('is the same in the list and in the stream, in every script and of every level', async () => {
    const { id, lines } = await told('levels');
    const expected = LEVELS.map((level) => ({ level, message: `${level} ${SAID}`, details: { level } }));
    expect(lines).toMatchObject(expected);
    expect((await list(id)).toReversed()).toMatchObject(expected);
  });

  it('is found by its level, or by the least one', async () => {
    const { id } = await told('levels');
    const levels = async (query: string) => (await list(id, query)).map(({ level }) => level).toReversed();
    expect(await levels('&level=warning')).toEqual(['warning']);
    expect(await levels('&minLevel=warning')).toEqual(['warning', 'error', 'fatal']);
    expect(await levels('&minLevel=debug')).toEqual(LEVELS);
    expect(await levels('&minLevel=error&level=info')).toEqual([]);
    for (const query of ['level=loud', 'minLevel=', 'minLevel=ERROR', 'level=info&level=error'])
      expect((await app.call('GET', `/api/jobs/${id}/logs?${query}`)).status, query).toBe(400);
  });

  it('may hold what no database stores, and shows a mark for it', async () => {
    const { id, lines } = await told('evil');
    const expected = [
      { level: 'info', message: 'a␀b\uFFFDc', details: { 'key␀': ['\uFFFD', '\\u0000 as text'] } },
    ];
    expect(lines).toMatchObject(expected);
    expect(await list(id)).toMatchObject(expected);
    expect(await job(id)).toMatchObject({ status: 'completed' });
  });

  it('is cut where it is too long or too much, and says so', async () => {
    const id = await create('much');
    await open(id);
    await until(async () => (await job(id)).status === 'completed', { describe: 'the job to be done' });
    const lines: JobLogView[] = [];
    for (let more = await list(id); more.length > 0; more = await list(id, `&cursor=${lines.at(-1)?.id}`))
      lines.push(...more);
    expect(lines).toHaveLength(1_001);
    expect(lines[0]).toMatchObject({
      level: 'warning',
      message: expect.stringContaining('left out (more than 1000)'),
    });
    const first = { message: `${'x'.repeat(7_998)}\uFFFD…`, details: { truncated: true } };
    expect(lines.at(-1)).toMatchObject(first);
  });

  it('of its progress never goes back within an attempt, and begins anew with the next one', async () => {
    const id = await create('progress');
    const stream = await follow(id);
    const shown = () =>
      stream.events.filter(({ event }) => event === 'progress').map(({ data }) => data['progress']);
    await open(id);
    await until(async () => (await job(id)).progress === 60, { describe: 'the progress to be written' });
    expect((await job(id)).progressDetail).toEqual({ said: SAID, nested: { zero: 'a␀b' } });
    await open(id);
    await until(async () => (await job(id)).retryCount === 1 && (await job(id)).status === 'running', {
      describe: 'the second attempt',
    });
    expect(await job(id)).toMatchObject({ progress: 0, progressDetail: null });
    await open(id);
    await until(async () => (await job(id)).progress === 20, {
      describe: 'the progress of the second attempt',
    });
    await open(id);
    await ended(stream);
    expect(shown().filter((percent) => percent !== 0)).toEqual([60, 20]);
    expect(await job(id)).toMatchObject({ status: 'completed', progress: 100 });
  });
});
