import { Client } from 'pg';
import { DataSource } from 'typeorm';
import type { Actor } from '../../src/kernel/auth/index.js';
import { dataSourceOptions } from '../../src/kernel/database/data-source.js';
import { Read } from '../../src/kernel/database/index.js';
import { managerOn } from '../../src/kernel/database/orm.js';
import { actorContext } from '../../src/kernel/database/row-context.js';
import { asApplication } from './database.js';

interface Plan {
  readonly 'Node Type': string;
  readonly 'Index Name'?: string;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly 'Execution Time'?: number;
  readonly Plans?: readonly Plan[];
}

export interface Cost {
  /** Pages of 8 kB that were looked at, wherever they were. */
  readonly pages: number;
  readonly indexes: readonly string[];
  readonly milliseconds: number;
}

/** Reads as the application does on behalf of an actor, and keeps what the server says of each statement. */
export class ExplainedReads {
  private readonly costs: Cost[] = [];

  private constructor(
    private readonly client: Client,
    private readonly source: DataSource,
    readonly read: Read,
  ) {}

  static async open(ownerUrl: string, entities: (new () => object)[], actor: Actor): Promise<ExplainedReads> {
    const client = new Client({ connectionString: asApplication(ownerUrl) });
    await client.connect();
    const source = new DataSource({ ...dataSourceOptions(asApplication(ownerUrl), 1), entities });
    await source.initialize();
    const { text, values } = actorContext(actor);
    await client.query(text.replaceAll(', true)', ', false)'), [...values]);
    const reads: ExplainedReads = new ExplainedReads(
      client,
      source,
      new Read(
        {
          query: async (statement) => {
            const explain = `explain (analyze, buffers, format json) ${statement.text}`;
            const { rows } = await client.query<{
              'QUERY PLAN': readonly { Plan: Plan; 'Execution Time': number }[];
            }>({ ...statement, text: explain });
            const [{ Plan: plan, 'Execution Time': milliseconds }] = rows[0]!['QUERY PLAN'] as [
              { Plan: Plan; 'Execution Time': number },
            ];
            const pages = plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
            reads.costs.push({ pages, indexes: [...new Set(indexesOf(plan))], milliseconds });
            return client.query(statement);
          },
        },
        (queryable) => managerOn(source, queryable, 'single statements'),
      ),
    );
    return reads;
  }

  async close(): Promise<void> {
    await this.client.end();
    await this.source.destroy();
  }

  /** What the statements of `work` cost, together. */
  async costOf<T>(work: (read: Read) => Promise<T>): Promise<Cost & { readonly answer: T }> {
    this.costs.length = 0;
    const answer = await work(this.read);
    return {
      answer,
      pages: this.costs.reduce((sum, { pages }) => sum + pages, 0),
      indexes: [...new Set(this.costs.flatMap(({ indexes }) => indexes))],
      milliseconds: this.costs.reduce((sum, { milliseconds }) => sum + milliseconds, 0),
    };
  }
}

/** The names of partitions' indexes begin with that of their table. */
function indexesOf(plan: Plan): string[] {
  return [
    ...(plan['Node Type'] === 'Seq Scan' ? ['(sequential)'] : []),
    ...(plan['Index Name'] === undefined ? [] : [plan['Index Name']]),
    ...(plan.Plans ?? []).flatMap(indexesOf),
  ];
}
