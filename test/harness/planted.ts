import type { Client } from 'pg';
import { newId } from '../../src/kernel/database/index.js';

/** A column as the catalogue describes it. */
interface Column {
  readonly table: string;
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  readonly hasDefault: boolean;
  /** Written by the database alone. */
  readonly generated: boolean;
  readonly isKey: boolean;
  /** The table it refers to by a foreign key. */
  readonly refersTo: string | null;
}

export interface Person {
  readonly id: string;
  /** In every text, JSON and byte string that is planted. */
  readonly canary: string;
  /** The same for columns of addresses. */
  readonly address: string;
}

/** Columns that name a user without a foreign key, because their rows outlive the person. */
const NAMES_A_USER = /^(user_id|owner_id|actor_id|subject_user_id|\w+_by)$/;

/** Where a check demands what the type does not say. Expressions of SQL; null leaves the column out. */
const VALUES: Readonly<Record<string, string | null>> = {
  'account_tokens.purpose': `'verify_email'`,
  'api_keys.revoked_at': null,
  'api_keys.revoked_reason': null,
  'archives.kind': `'jobs'`,
  'archives.period': `'2020-01'`,
  'archives.key': `'archives/none/' || gen_random_uuid()`,
  'archives.part': `(random() * 1e9)::integer + 1`,
  'archives.sha256': `''`,
  'audit_logs.actor_type': `'user'`,
  'audit_logs.result': `'success'`,
  // Never anything personal, see the module's README: what is planted would be found there for ever.
  'audit_logs.details': `'{}'`,
  'audit_logs.action': `'plant.row'`,
  'audit_logs.resource_type': null,
  'audit_logs.resource_id': null,
  'audit_logs.request_id': null,
  'events.type': `'planted.event'`,
  'events.channel': `'planted'`,
  'jobs.type': `'copy'`,
  'jobs.queue': `'files'`,
  'jobs.status': `'failed'`,
  'jobs.run_at': null,
  'jobs.turn': null,
  'jobs.completed_at': `clock_timestamp() + interval '1 hour'`,
  'job_keys.key': `sha256(gen_random_uuid()::text::bytea)`,
  'job_logs.level': `'info'`,
  'job_queues.name': `gen_random_uuid()::text`,
  'recovery_codes.code_hash': `decode(repeat('ab', 32), 'hex')`,
  'remotes.type': `'local'`,
  // Closed lists: nothing personal but what is removed with the person.
  'remotes.options': `'{"user": "nobody"}'`,
  'remotes.secret_names': `'{password}'`,
  'schedule_rules.rule_type': `'interval'`,
  // Of a person, who is planted.
  'schedule_rules.system_key': null,
  'schedule_rules.interval_seconds': '3600',
  // Days alone, which the planner reads.
  'schedule_rules.exclusions': `'{"dates": ["2026-12-25"], "weekdays": []}'`,
  'schedule_slots.outcome': `'fired'`,
  'tasks.processing_status': `'success'`,
  // Of a session or of a key, never of both.
  'tickets.api_key_id': null,
  'tickets.ticket_hash': `sha256(gen_random_uuid()::text::bytea)`,
  'second_factors.kind': `'totp'`,
};

const COLUMNS = `
  select c.relname as "table", a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as required,
         a.atthasdef as "hasDefault", (a.attgenerated <> '' or a.attidentity <> '') as generated,
         exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary and a.attnum = any (i.indkey)) as "isKey",
         (select f.relname from pg_constraint k join pg_class f on f.oid = k.confrelid
           where k.conrelid = c.oid and k.contype = 'f' and k.conkey = array[a.attnum] and k.conparentid = 0 limit 1) as "refersTo"
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
   where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
   order by c.relname, a.attnum`;

/** Links between two rows of one table, which one person's one row in each cannot fill. They go with either. */
const LINKS: ReadonlySet<string> = new Set(['remote_parts']);

/** Every table of the schema, with its columns; partitions count as the table they are of. */
export async function tablesOf(client: Client): Promise<Map<string, Column[]>> {
  const { rows } = await client.query<Column>(COLUMNS);
  const tables = new Map<string, Column[]>();
  for (const row of rows) tables.set(row.table, [...(tables.get(row.table) ?? []), row]);
  return tables;
}

/** Tables that name a user, and those whose rows belong to such a row. */
export function tablesAboutPeople(tables: ReadonlyMap<string, readonly Column[]>): Set<string> {
  const found = new Set(['users']);
  for (let size = 0; size !== found.size;) {
    size = found.size;
    for (const [table, columns] of tables)
      if (columns.some(({ name, refersTo }) => found.has(refersTo ?? '') || NAMES_A_USER.test(name)))
        found.add(table);
  }
  return found;
}

/**
 * One row of the person in each of the tables, every column filled, made from the catalogue alone so that a new
 * table is covered without a word here; where its checks want something else the insert fails and says so.
 */
export async function plantEverywhere(
  client: Client,
  tables: ReadonlyMap<string, readonly Column[]>,
  wanted: ReadonlySet<string>,
  person: Person,
): Promise<void> {
  const ids = new Map([['users', person.id]]);
  const plant = async (table: string): Promise<string> => {
    const present = ids.get(table);
    if (present !== undefined) return present;
    const names: string[] = [];
    const values: string[] = [];
    const parameters: unknown[] = [];
    const id = newId();
    ids.set(table, id);
    for (const column of tables.get(table) ?? []) {
      const expression = VALUES[`${table}.${column.name}`];
      if (column.generated || expression === null) continue;
      const value = expression === undefined ? await valueOf(column, id, person, plant) : undefined;
      if (expression === undefined && value === undefined) continue;
      names.push(`"${column.name}"`);
      values.push(expression ?? `$${parameters.push(value)}`);
    }
    const text = `insert into "${table}" (${names.join(', ')}) values (${values.join(', ')})`;
    await client.query(text, parameters).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`no row can be planted in ${table}, say in VALUES how: ${reason}`);
    });
    return id;
  };
  for (const table of wanted) if (!LINKS.has(table)) await plant(table);
}

/** Undefined for what is left to its default or to null. */
async function valueOf(
  { table, name, type, required, hasDefault, isKey, refersTo }: Column,
  id: string,
  { id: userId, canary, address }: Person,
  plant: (table: string) => Promise<string>,
): Promise<unknown> {
  if (refersTo !== null) return plant(refersTo);
  const label = `${canary} ${table}.${name}`;
  if (type === 'uuid') return NAMES_A_USER.test(name) ? userId : isKey ? id : newId();
  // A list by its check, which a mere object is not.
  if (`${table}.${name}` === 'remote_permissions.path_rules')
    return JSON.stringify([{ path: label, allow: [], deny: [] }]);
  if (type === 'jsonb') return JSON.stringify({ [label]: label });
  if (type === 'bytea') return Buffer.from(label);
  if (type === 'inet') return address;
  if (hasDefault) return undefined;
  if (type === 'text') return label;
  if (type === 'text[]') return [label];
  if (!required) return undefined;
  if (type.startsWith('timestamp')) return new Date();
  if (type === 'boolean') return false;
  return 1;
}
