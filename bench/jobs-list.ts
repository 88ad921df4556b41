import { DataSource } from 'typeorm';
import { Client } from 'pg';
import { Database } from '../src/kernel/database/index.js';
import { dataSourceOptions } from '../src/kernel/database/data-source.js';
import { JobEntity } from '../src/modules/jobs/job.entity.js';
import { JobsListRepository } from '../src/modules/jobs/jobs-list.repository.js';
import { head, row, runCell, whole, write, type CellOrder } from './jobs-common.js';
import { connectOwner, plantUser } from './jobs-steward.js';
import type { BenchServices } from './services.js';

const PAGE = 20;

interface Page {
  readonly what: string;
  readonly milliseconds: number;
  readonly buffers: number;
}

/** Explains the repository's own statement, run under row security on behalf of the owner of all these jobs. */
export async function measureList(order: CellOrder): Promise<Page[]> {
  const client = await connectOwner(order);
  const userId = await plantUser(client);
  await plantEnded(client, userId, order.jobs);
  const source = new DataSource({ ...dataSourceOptions(order.applicationUrl, 2), entities: [JobEntity] });
  await source.initialize();
  const database = new Database(source);
  const repository = new JobsListRepository();
  const scope = database.as({ type: 'job', userId, role: 'user', jobId: userId });
  const first = await repository.page(scope.read, { userId, limit: PAGE });
  const { rows } = await client.query<{ id: string }>(
    `select id from jobs where user_id = $1 order by id desc offset $2 limit 1`,
    [userId, Math.min(10_000, Math.floor(order.jobs / PAGE) - 1) * PAGE - 1],
  );
  const explain = async (what: string, cursor: string | undefined): Promise<Page> => {
    const { text, values } = await sentBy(() => repository.page(scope.read, { userId, limit: PAGE, cursor }));
    const tries: Page[] = [];
    for (let n = 0; n < 5; n++)
      tries.push({ what, ...(await explained(order.applicationUrl, userId, text, values)) });
    return tries.toSorted((a, b) => a.milliseconds - b.milliseconds)[2]!;
  };
  const pages = [
    await explain('page 1', undefined),
    await explain('page 2', first[PAGE - 1]?.id),
    await explain('page 10,000', rows[0]?.id),
  ];
  await source.destroy();
  await client.end();
  return pages;
}

interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** The list's own statement, as the driver is given it. */
async function sentBy(work: () => Promise<unknown>): Promise<Statement> {
  const sent: Statement[] = [];
  const original = Client.prototype.query;
  const spy = function (this: Client, ...given: unknown[]): unknown {
    const [config, values] = given as [string | Partial<Statement>, (readonly unknown[] | undefined)?];
    const text = typeof config === 'string' ? config : config.text;
    if (text?.includes('FROM "jobs"'))
      sent.push({ text, values: (typeof config === 'string' ? values : config.values) ?? [] });
    return Reflect.apply(original, this, given);
  };
  Object.assign(Client.prototype, { query: spy });
  try {
    await work();
  } finally {
    Object.assign(Client.prototype, { query: original });
  }
  const [statement] = sent;
  if (!statement) throw new Error('the statement of the list was not seen');
  return statement;
}

async function explained(
  url: string,
  userId: string,
  text: string,
  values: readonly unknown[],
): Promise<Omit<Page, 'what'>> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('begin');
    await client.query(
      `select set_config('steward.user_id', $1, true), set_config('steward.user_role', 'user', true)`,
      [userId],
    );
    await client.query(`explain (analyze, buffers, format json) ${text}`, [...values]);
    const { rows } = await client.query<{ 'QUERY PLAN': [Explained] }>(
      `explain (analyze, buffers, format json) ${text}`,
      [...values],
    );
    const [{ Plan: plan, 'Execution Time': milliseconds }] = rows[0]!['QUERY PLAN'];
    return { milliseconds, buffers: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'] };
  } finally {
    await client.end();
  }
}

interface Explained {
  readonly Plan: { readonly 'Shared Hit Blocks': number; readonly 'Shared Read Blocks': number };
  readonly 'Execution Time': number;
}

/** Jobs of the last minutes that have ended. Their ids are made by the server, which is a hundred times faster. */
async function plantEnded(client: Client, userId: string, jobs: number): Promise<void> {
  await client.query('set synchronous_commit = off');
  for (let made = 0; made < jobs; made += 100_000)
    await client.query(
      `insert into jobs (id, user_id, type, queue, payload, status, started_at, completed_at, created_at)
       select (substr(t, 1, 8) || '-' || substr(t, 9, 4) || '-7' || substr(r, 1, 3) || '-8' || substr(r, 4, 3) || '-' || substr(r, 7, 12))::uuid,
              $1, 'no-op', 'default', '{"n": 1}', 'completed', now(), now(), now()
         from (select lpad(to_hex((extract(epoch from now()) * 1000)::bigint - $3::bigint + n), 12, '0') as t, md5(n::text) as r
                 from generate_series($4::integer, $4::integer + least($2, 100000) - 1) as n) as ids`,
      [userId, jobs - made, jobs, made],
    );
  await client.query('vacuum analyze jobs');
}

export async function list(services: BenchServices, jobs: number): Promise<void> {
  const pages = await runCell<Page[]>(services, { cell: 'list', jobs });
  write(`### Pages of ${PAGE} among ${whole(jobs)} jobs of one user, under row security\n`);
  head('', 'execution time in PostgreSQL, ms', 'buffers');
  for (const { what, milliseconds, buffers } of pages) row(what, milliseconds.toFixed(2), buffers);
  write('');
}
