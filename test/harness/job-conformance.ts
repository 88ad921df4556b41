import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Database } from '../../src/kernel/database/index.js';
import { UserError } from '../../src/kernel/http/index.js';
import { JobsService, type JobContext, type JobDefinition } from '../../src/modules/jobs/index.js';
import { JobRegistry } from '../../src/modules/jobs/definition/job-registry.js';
import type { JobView } from '../../src/modules/jobs/jobs.schema.js';
import { TestApp, type AppOptions } from './app.js';
import { withClient } from './database.js';
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
const GRACE_MS = 30_000;
const FAR = '2999-01-01T00:00:00Z';

/**
 * What every job type has to stand, as tests of the calling file: any payload, being told to stop, failing and being
 * run again, the death of its worker. The handler and the engine are the real ones; only when the handler begins, and
 * whether its end is heard of, is arranged.
 */
export function jobConformance(subject: ConformingType): void {
  describe(`the job type ${subject.type}`, { timeout: 120_000 }, () => {
    let bench: Bench;
    beforeAll(async () => {
      bench = await Bench.start(subject);
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
      const { rows } = await bench.sql<{ result: number; lines: number }>(
        `select coalesce(length(result::text), 0) as result, (select count(*)::integer from job_logs where job_id = $1) as lines from jobs where id = $1`,
        [job.id],
      );
      expect(rows[0]?.result).toBeLessThanOrEqual(sizes.result);
      expect(rows[0]?.lines).toBeLessThanOrEqual(sizes.logLines + 1); // one says that the rest is left out
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
      await bench.cancelOnceBegun(id);
    });

    it('stops when it is told to in the middle of its work, unless it has finished', async () => {
      const id = await bench.made(await subject.payload(bench.app), { later: true });
      bench.stage(id, (run) => run());
      await bench.cancelOnceBegun(id);
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
      await until(() => isDone, { timeoutMs: 30_000, describe: 'the work of the first attempt' });
      // The row now names a worker that nobody has ever heard a beat of.
      await bench.sql(`update jobs set worker_id = $2 where id = $1`, [id, randomUUID()]);
      const job = await bench.ended(id);
      if (bench.definition.onCrash === 'fail') {
        expect(job).toMatchObject({ status: 'failed', errorCode: 'interrupted' });
        expect(bench.attempts(id)).toBe(1);
      } else {
        expect(job).toMatchObject({ status: 'completed', crashCount: 1, retryCount: 0 });
        expect(bench.attempts(id)).toBe(2);
      }
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

type Run = () => Promise<object | null>;
/** What becomes of an attempt; `run` is the handler's own work. Attempts are counted from 1. */
type Script = (run: Run, context: JobContext, attempt: number) => Promise<object | null>;

interface Asked {
  readonly status: number;
  readonly id: string;
  readonly code: string;
  readonly pointers: readonly string[];
}

/** One application with the type in it, whose handler is stepped in front of. */
class Bench {
  private readonly scripts = new Map<string, Script>();
  private readonly begun = new Map<string, number>();

  private constructor(
    readonly app: TestApp,
    readonly definition: JobDefinition,
  ) {}

  static async start({ type, modules, environment, redisUrl }: ConformingType): Promise<Bench> {
    const app = await TestApp.start({
      redisUrl,
      ...(modules ? { modules } : {}),
      ...(environment ? { environment } : {}),
    });
    const known = app.get(JobRegistry).find(type);
    if (!known)
      throw new Error(`there is no job type ${type}: is its handler among the providers of a module?`);
    const bench = new Bench(app, known.definition);
    const { handler } = known;
    const run = handler.run.bind(handler);
    handler.run = (context, payload) => {
      const { jobId } = context;
      const attempt = bench.attempts(jobId) + 1;
      bench.begun.set(jobId, attempt);
      const script = bench.scripts.get(jobId);
      return script ? script(() => run(context, payload), context, attempt) : run(context, payload);
    };
    return bench;
  }

  schema(): object {
    return z.toJSONSchema(this.definition.payload, { io: 'input', unrepresentable: 'any' });
  }

  stage(id: string, script: Script): void {
    this.scripts.set(id, script);
  }

  attempts(id: string): number {
    return this.begun.get(id) ?? 0;
  }

  /** Asks for a job the way that is open for its type: over HTTP, or from inside for types of the system. */
  async ask(payload: unknown, more: { scheduledFor?: string; maxRetries?: number } = {}): Promise<Asked> {
    const { name: type, requiredRole } = this.definition;
    if (requiredRole === 'system') return this.askInside({ type, payload, ...more });
    const { status, body } = await this.app.call<
      Partial<Asked> & { errors?: readonly { readonly pointer: string }[] }
    >('POST', '/api/jobs', { body: { type, payload, ...more } });
    const { id = '', code = '', errors = [] } = body;
    return { status, id, code, pointers: errors.map(({ pointer }) => pointer) };
  }

  private async askInside(request: {
    type: string;
    payload: unknown;
    scheduledFor?: string;
    maxRetries?: number;
  }): Promise<Asked> {
    const { scheduledFor, payload, ...rest } = request;
    const due = scheduledFor === undefined ? undefined : new Date(scheduledFor);
    try {
      const id = await this.app
        .get(Database)
        .system('conformance')
        .tx((tx) =>
          this.app
            .get(JobsService)
            // Values that a module passes on have been through JSON, too.
            .createIn(
              tx,
              { type: 'system', name: 'conformance' },
              { ...rest, payload: JSON.parse(JSON.stringify(payload ?? null)) as object, scheduledFor: due },
            ),
        );
      return { status: 202, id, code: '', pointers: [] };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const { status, code, errors } = error;
      return { status, id: '', code, pointers: errors.map(({ pointer }) => pointer) };
    }
  }

  /** A job of this payload; with `later` it waits until it is let go. */
  async made(payload: object, { later = false, maxRetries = 0 } = {}): Promise<string> {
    const asked = await this.ask(payload, { maxRetries, ...(later ? { scheduledFor: FAR } : {}) });
    expect(asked.status, `the example has to be accepted: ${JSON.stringify(asked)}`).toBe(202);
    return asked.id;
  }

  /** What was wrong with the answer to this payload, or with what became of its job. */
  async faultOf(payload: unknown): Promise<string | null> {
    const { status, id, code, pointers } = await this.ask(payload, { maxRetries: 0 });
    if (status === 202) return this.faultOfJob(id);
    if (status >= 500) return `${status} ${code}`;
    if (status !== 400) return null;
    // What is no JSON that we read (too deep, for example) has no place in it.
    const isNamed = pointers.length > 0 && pointers.every((pointer) => pointer.startsWith('/payload'));
    return isNamed || /^(json|malformed)_/.test(code)
      ? null
      : `400 ${code} at ${pointers.join(', ') || 'no place'}`;
  }

  private async faultOfJob(id: string): Promise<string | null> {
    const job = await until(
      async () => {
        const now = await this.job(id);
        return hasEnded(now) || now.errorCode === 'postponed' ? now : null;
      },
      { timeoutMs: 60_000, describe: `job ${id} to end` },
    );
    // What it needs is not there on this machine; it is not stuck as long as it can be cancelled.
    if (!hasEnded(job)) await this.app.call('POST', `/api/jobs/${id}/cancel`);
    const { status } = await this.ended(id);
    return ['completed', 'failed', 'cancelled'].includes(status) ? null : status;
  }

  async job(id: string): Promise<JobView> {
    const { status, body } = await this.app.call<JobView>('GET', `/api/jobs/${id}`);
    expect(status).toBe(200);
    return body;
  }

  async ended(id: string): Promise<JobView> {
    let last: JobView | undefined;
    return until(
      async () => {
        last = await this.job(id);
        return hasEnded(last) ? last : null;
      },
      { timeoutMs: 60_000, describe: () => `the job to end; it is ${JSON.stringify(last)}` },
    );
  }

  /** Makes a waiting job due at once, whatever it waits for. */
  async letGo(id: string): Promise<void> {
    await this.sql(`update jobs set run_at = now() where id = $1 and status = 'pending' and turn is null`, [
      id,
    ]);
  }

  /** Cancels the job as soon as its handler has begun: it has to end soon, as cancelled or as finished. */
  async cancelOnceBegun(id: string): Promise<void> {
    await this.letGo(id);
    await until(() => this.attempts(id) === 1, { timeoutMs: 30_000, describe: 'the handler to begin' });
    const asked = performance.now();
    const { status } = await this.app.call('POST', `/api/jobs/${id}/cancel`);
    const job = await this.ended(id);
    // 409: it was faster.
    expect([status, job.status], JSON.stringify(job)).toEqual(
      status === 409 ? [409, 'completed'] : [200, expect.stringMatching(/^(cancelled|completed)$/)],
    );
    expect(performance.now() - asked, 'it did not hear the signal').toBeLessThan(GRACE_MS - 5_000);
  }

  async sql<Row extends object>(text: string, values: unknown[] = []): Promise<{ rows: Row[] }> {
    return withClient(this.app.settings.databaseUrl ?? '', (client) => client.query<Row>(text, values));
  }
}

const hasEnded = ({ status }: JobView): boolean => ['completed', 'failed', 'cancelled'].includes(status);
