import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AppOptions, TestApp } from './app.js';
import { JobBench } from './job-bench.js';
import { payloadsLike, worstPayloads } from './payload-fuzz.js';
import { until } from './until.js';

export interface ConformingType {
  /** Its name. */
  readonly type: string;
  /** Where the type is declared in a test, or what it needs beside the application. */
  readonly modules?: AppOptions['modules'];
  readonly environment?: AppOptions['environment'];
  readonly redisUrl?: string | undefined;
  /** Something the type accepts and completes within seconds. Asked for anew by each test, so it may make what it names. */
  payload(app: TestApp): Promise<object> | object;
  /**
   * What jobs have done outside of their rows, in a form that can be compared: it has to be the same after an attempt
   * was repeated. Left out for types that do nothing outside.
   */
  effects?(app: TestApp, payload: object): Promise<unknown>;
  /** Random payloads that are tried out beside the worst ones; 60 unless told. */
  readonly payloads?: number;
}

/** The engine settles an attempt without its handler after this time (attempt.ts); nobody should need it. */
const GRACE_SECONDS = 30;
/** The answer to the cancel and the end of the job. Work that was finished first has finished. */
const STOPPED = ['200 cancelled', '200 completed', '409 completed'];

/**
 * What every job type has to stand, as tests of the calling file: any payload, being told to stop, failing and being
 * run again, the death of its worker. The handler and the engine are the real ones; only when the handler begins, and
 * whether its end is heard of, is arranged.
 */
export function jobConformance(subject: ConformingType): void {
  describe(`the job type ${subject.type}`, { timeout: 120_000 }, () => {
    let bench: JobBench;
    beforeAll(async () => {
      bench = await JobBench.start(subject);
    });
    afterAll(() => bench.app.stop());

    it('says what it does and what its payload is', async () => {
      const { definition } = bench;
      expect(definition.summary).toMatch(/^\S.*[.!?]$/);
      expect(definition.repeats).toMatch(/\S/);
      const schema = bench.schema();
      expect(JSON.stringify(schema)).not.toBe('{}');
      const { body } = await bench.app.call<{ items: { name: string; payloadSchema: object }[] }>(
        'GET',
        '/api/job-types',
      );
      const offered = body.items.find(({ name }) => name === subject.type);
      expect(offered?.payloadSchema).toEqual(definition.requiredRole === 'system' ? undefined : schema);
    });

    it('completes its example, within its sizes', async () => {
      const job = await bench.ended(await bench.made(await subject.payload(bench.app)));
      expect(job, 'the example has to complete').toMatchObject({ status: 'completed', progress: 100 });
      const { sizes } = bench.definition;
      const { rows } = await bench.sql(
        `select coalesce(length(result::text), 0) as result, (select count(*)::integer from job_logs where job_id = $1) as lines from jobs where id = $1`,
        [job.id],
      );
      expect(rows[0]?.['result']).toBeLessThanOrEqual(sizes.result);
      expect(rows[0]?.['lines']).toBeLessThanOrEqual(sizes.logLines + 1); // one says that the rest is left out
    });

    it('refuses what it does not know', async () => {
      const payload = { ...(await subject.payload(bench.app)), surprise: 1 };
      const { status, pointers } = await bench.ask(payload);
      expect([status, pointers]).toEqual([400, ['/payload/surprise']]);
    });

    it('refuses any payload with a pointer, or accepts it and ends', async () => {
      const example = await subject.payload(bench.app);
      const seed = Math.floor(Math.random() * 2 ** 31);
      const numRuns = subject.payloads ?? 60;
      const payloads = [
        ...worstPayloads(example, seed),
        ...fc.sample(payloadsLike(example, bench.schema()), { seed, numRuns }),
      ];
      const wrong: string[] = [];
      // A few at a time, as clients would.
      for (let at = 0; at < payloads.length; at += 10)
        await Promise.all(
          payloads.slice(at, at + 10).map(async (payload) => {
            const fault = await bench.faultOf(payload);
            if (fault !== null) wrong.push(`${fault}: ${JSON.stringify(payload)?.slice(0, 300)}`);
          }),
        );
      expect(wrong, `seed ${seed}`).toEqual([]);
    });

    it('fails visibly when its row holds what it refuses', async () => {
      const id = await bench.made(await subject.payload(bench.app), { later: true });
      await bench.sql(`update jobs set payload = '{"surprise": 1}' where id = $1`, [id]);
      await bench.letGo(id);
      expect(await bench.ended(id)).toMatchObject({ status: 'failed', errorCode: 'validation_failed' });
    });

    it('stops when it is told to before it has begun its work', async () => {
      const id = await bench.made(await subject.payload(bench.app), { later: true });
      bench.stage(id, async (run, { signal }) => {
        await aborted(signal);
        return run();
      });
      const { answer, status, seconds } = await bench.cancelOnceBegun(id);
      expect(STOPPED).toContain(`${answer} ${status}`);
      expect(seconds, 'it did not hear the signal').toBeLessThan(GRACE_SECONDS - 5);
    });

    it('stops when it is told to in the middle of its work, unless it has finished', async () => {
      const id = await bench.made(await subject.payload(bench.app), { later: true });
      bench.stage(id, (run) => run());
      const { answer, status, seconds } = await bench.cancelOnceBegun(id);
      expect(STOPPED).toContain(`${answer} ${status}`);
      expect(seconds, 'it did not hear the signal').toBeLessThan(GRACE_SECONDS - 5);
    });

    it('may be run again after an attempt whose end was a failure', async () => {
      const payload = await subject.payload(bench.app);
      const id = await bench.made(payload, { later: true, maxRetries: 3 });
      let first: unknown;
      bench.stage(id, async (run, { retryCount }) => {
        const result = await run();
        if (retryCount > 0) return result;
        first = await subject.effects?.(bench.app, payload);
        throw new Error('failed after its work was done');
      });
      await bench.letGo(id);
      await until(async () => (await bench.job(id)).retryCount === 1, {
        describe: 'the first attempt to fail',
      });
      await bench.letGo(id);
      expect(await bench.ended(id)).toMatchObject({ status: 'completed', retryCount: 1 });
      expect(await subject.effects?.(bench.app, payload)).toEqual(first);
    });

    it('stands the death of its worker', async () => {
      const payload = await subject.payload(bench.app);
      const id = await bench.made(payload, { later: true });
      let first: unknown;
      let isDone = false;
      bench.stage(id, async (run, { signal }, attempt) => {
        const result = await run();
        if (attempt > 1) return result;
        first = await subject.effects?.(bench.app, payload);
        isDone = true;
        await aborted(signal); // nobody hears of this attempt any more
        return result;
      });
      await bench.letGo(id);
      await until(() => isDone, { describe: 'the work of the first attempt' });
      // The row now names a worker that nobody has ever heard a beat of.
      await bench.sql(`update jobs set worker_id = $2 where id = $1`, [id, randomUUID()]);
      const job = await bench.ended(id);
      const { status, errorCode } = job;
      const again = { status: 'completed', errorCode: null, attempts: 2 };
      const once = { status: 'failed', errorCode: 'interrupted', attempts: 1 };
      expect({ status, errorCode, attempts: bench.attempts(id) }).toEqual(
        bench.definition.onCrash === 'fail' ? once : again,
      );
      expect(await subject.effects?.(bench.app, payload)).toEqual(first);
    });
  });
}

/** Resolves when the signal says to stop. */
const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
