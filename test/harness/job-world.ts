import { Client } from 'pg';
import type { JobView } from '../../src/modules/jobs/jobs.schema.js';
import { TestApp, type Answer, type AppOptions } from './app.js';
import { until } from './until.js';

/** An application, a connection to its database, and jobs that are asked for and followed over HTTP. */
export class JobWorld {
  private constructor(
    readonly app: TestApp,
    readonly sql: Client,
  ) {}

  static async start(options: AppOptions): Promise<JobWorld> {
    const app = await TestApp.start(options);
    const sql = new Client({ connectionString: app.settings.databaseUrl });
    await sql.connect();
    return new JobWorld(app, sql);
  }

  async stop(): Promise<void> {
    await this.sql.end();
    await this.app.stop();
  }

  /** The admin asks, unless a token says who does. */
  post<Body = JobView>(body: unknown, token?: string): Promise<Answer<Body>> {
    return this.app.call<Body>('POST', '/api/jobs', { body, ...(token ? { token } : {}) });
  }

  /** One that is accepted. */
  async create(type: string, payload: object = {}, more: object = {}, token?: string): Promise<JobView> {
    const answer = await this.post({ type, payload, ...more }, token);
    if (answer.status !== 202) throw new Error(`${answer.status}: ${JSON.stringify(answer.body)}`);
    if (answer.headers.get('location') !== `/api/jobs/${answer.body.id}`)
      throw new Error(`the answer names ${answer.headers.get('location')} instead of its job`);
    return answer.body;
  }

  async get(id: string): Promise<JobView> {
    return (await this.app.call<JobView>('GET', `/api/jobs/${id}`)).body;
  }

  async reach(id: string, status: string): Promise<JobView> {
    let last: JobView | undefined;
    return until(
      async () => {
        last = await this.get(id);
        return last.status === status ? last : null;
      },
      { describe: () => `job to be ${status}, it is ${last?.status}: ${last?.error}` },
    );
  }
}
