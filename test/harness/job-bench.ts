import { z } from 'zod';
import { Database } from '../../src/kernel/database/index.js';
import { UserError } from '../../src/kernel/http/index.js';
import { JobsService, type JobContext, type JobDefinition } from '../../src/modules/jobs/index.js';
import { JobRegistry } from '../../src/modules/jobs/definition/job-registry.js';
import type { JobView } from '../../src/modules/jobs/jobs.schema.js';
import { TestApp, type AppOptions } from './app.js';
import { withClient } from './database.js';
import { until } from './until.js';

const FAR = '2999-01-01T00:00:00Z';

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
export class JobBench {
  private readonly scripts = new Map<string, Script>();
  private readonly begun = new Map<string, number>();

  private constructor(
    readonly app: TestApp,
    readonly definition: JobDefinition,
  ) {}

  static async start({ type, ...options }: { readonly type: string } & AppOptions): Promise<JobBench> {
    const app = await TestApp.start(options);
    const known = app.get(JobRegistry).find(type);
    if (!known)
      throw new Error(`there is no job type ${type}: is its handler among the providers of a module?`);
    const bench = new JobBench(app, known.definition);
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
    if (asked.status !== 202) throw new Error(`the example has to be accepted: ${JSON.stringify(asked)}`);
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
      { describe: `job ${id} to end` },
    );
    // What it needs is not there on this machine; it is not stuck as long as it can be cancelled.
    if (!hasEnded(job)) await this.app.call('POST', `/api/jobs/${id}/cancel`);
    const { status } = await this.ended(id);
    return ['completed', 'failed', 'cancelled'].includes(status) ? null : status;
  }

  async job(id: string): Promise<JobView> {
    const { status, body } = await this.app.call<JobView>('GET', `/api/jobs/${id}`);
    if (status !== 200) throw new Error(`no job ${id}: ${status}`);
    return body;
  }

  async ended(id: string): Promise<JobView> {
    let last: JobView | undefined;
    return until(
      async () => {
        last = await this.job(id);
        return hasEnded(last) ? last : null;
      },
      { describe: () => `the job to end; it is ${JSON.stringify(last)}` },
    );
  }

  /** Makes a waiting job due at once, whatever it waits for. */
  async letGo(id: string): Promise<void> {
    await this.sql(`update jobs set run_at = now() where id = $1 and status = 'pending' and turn is null`, [
      id,
    ]);
  }

  /** Cancels the job as soon as its handler has begun. An answer of 409: it was faster. */
  async cancelOnceBegun(id: string): Promise<{ answer: number; status: string; seconds: number }> {
    await this.letGo(id);
    await until(() => this.attempts(id) === 1, { describe: 'the handler to begin' });
    const asked = performance.now();
    const { status: answer } = await this.app.call('POST', `/api/jobs/${id}/cancel`);
    const { status } = await this.ended(id);
    return { answer, status, seconds: (performance.now() - asked) / 1000 };
  }

  async sql(text: string, values: unknown[] = []): Promise<{ rows: Record<string, unknown>[] }> {
    return withClient(this.app.settings.databaseUrl ?? '', (client) => client.query(text, values));
  }
}

const hasEnded = ({ status }: JobView): boolean => ['completed', 'failed', 'cancelled'].includes(status);
