import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import { v7 } from 'uuid';
import { vi } from 'vitest';
import { RetentionTasks, type RetentionReport } from '../../src/kernel/retention/index.js';
import { AuditModule } from '../../src/modules/audit/index.js';
import { ArchivesService, JobsModule, type Archive } from '../../src/modules/jobs/index.js';
import { UsersModule } from '../../src/modules/users/index.js';
import { createTestDatabase } from './database.js';
import { makeMonth, monthAgo } from './old-months.js';
import { startTestApplication } from './test-application.js';

const DAY_MS = 86_400_000;

/** A moment some days ago, and some milliseconds later. */
export const daysAgo = (days: number, ms = 0): number => Date.now() - days * DAY_MS + ms;

/** The retention of jobs (60 days), lines and events (30 days), on a database and in a folder of its own. */
export class RetentionWorld {
  private constructor(
    /** For the owner of the tables. */
    readonly client: Client,
    readonly app: NestFastifyApplication,
    /** Old as a whole, with partitions. */
    readonly month: string,
    readonly stop: () => Promise<void>,
  ) {}

  static async start(environment: Readonly<Record<string, string>> = {}): Promise<RetentionWorld> {
    const folder = await mkdtemp(path.join(tmpdir(), 'steward-retention-'));
    const database = await createTestDatabase();
    const client = new Client({ connectionString: database.url });
    await client.connect();
    const { app } = await startTestApplication(database.url, [AuditModule, UsersModule, JobsModule], {
      STEWARD_DATA_DIR: folder,
      STEWARD_ROLE: 'api',
      STEWARD_JOB_DAYS: '60',
      STEWARD_JOB_LOG_DAYS: '30',
      STEWARD_EVENT_DAYS: '30',
      STEWARD_ARCHIVE_JOB_LOGS: 'true',
      ...environment,
    });
    const month = await monthAgo(client, 4);
    await makeMonth(client, month);
    return new RetentionWorld(client, app, month, async () => {
      await app.close();
      await client.end();
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    });
  }

  get<T>(token: abstract new (...dependencies: never[]) => T): T {
    return this.app.get(token, { strict: false });
  }

  async run(name: string, dryRun = false): Promise<RetentionReport> {
    const task = this.get(RetentionTasks)
      .all()
      .find((one) => one.name === name);
    return task!.run({ dryRun, signal: new AbortController().signal });
  }

  /** A part of the application fails the next time as if the process died there. */
  failOnce<T extends object>(
    token: abstract new (...dependencies: never[]) => T,
    method: keyof T & string,
  ): void {
    const target = this.get(token) as Record<string, () => Promise<never>>;
    vi.spyOn(target, method).mockImplementationOnce(() => Promise.reject(new Error('died here')));
  }

  archives(): Promise<Archive[]> {
    return this.get(ArchivesService).list();
  }

  /** All rows in all archives. */
  async archived(kind = 'jobs'): Promise<(Record<string, unknown> & { id: string })[]> {
    const found: (Record<string, unknown> & { id: string })[] = [];
    for (const archive of await this.archives())
      if (archive.kind === kind)
        for await (const line of this.get(ArchivesService).lines(archive))
          found.push({ ...line, id: String(line['id']) });
    return found;
  }

  async idsIn(table: string): Promise<string[]> {
    const { rows } = await this.client.query<{ id: string }>(`select id from ${table} order by id`);
    return rows.map(({ id }) => id);
  }

  async user(): Promise<string> {
    const id = v7();
    await this.client.query(`insert into users (id, email, email_key) values ($1, $2, $2)`, [
      id,
      `${id}@rows.test`,
    ]);
    return id;
  }
}
