import type { ClientBase } from 'pg';

/** A table with everything a dump has to know to write it and to fill it again. */
export interface DumpedTable {
  /** Quoted where SQL needs it, like all names here. */
  readonly name: string;
  /** Without those that the server computes. */
  readonly columns: readonly string[];
  /** Columns that a sequence of their own fills. */
  readonly counted: readonly string[];
  /** Its owner is bound by its policies, too. */
  readonly forced: boolean;
  /** Of a table by months: statements that make those partitions which are not there. */
  readonly partitions: readonly string[];
}

export interface DumpPlan {
  /** Every referenced table before those that refer to it. */
  readonly tables: readonly DumpedTable[];
  readonly server: string;
}

/**
 * What the migrations fill, what belongs to processes of the moment, and what they remember of each other: on another
 * day it would only mislead those who run then.
 */
const LEFT_OUT = [
  'job_turns',
  'month_partitioned',
  'path_locks',
  'schedulers',
  'schema_migrations',
  'workers',
];

const TABLES = `
  select quote_ident(c.relname) as name, c.relforcerowsecurity as forced,
         array(select quote_ident(a.attname) from pg_attribute a
                where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
                order by a.attnum) as columns,
         array(select quote_ident(a.attname) from pg_attribute a
                where a.attrelid = c.oid and a.attidentity <> '' and not a.attisdropped order by a.attnum) as counted,
         array(select format('create table if not exists %I partition of %I %s%s', part.relname, c.relname,
                             pg_get_expr(part.relpartbound, part.oid),
                             ' with (' || array_to_string(part.reloptions, ', ') || ')')
                 from pg_inherits i join pg_class part on part.oid = i.inhrelid
                where i.inhparent = c.oid and c.relkind = 'p' order by part.relname) as partitions,
         array(select distinct quote_ident(other.relname) from pg_constraint k join pg_class other on other.oid = k.confrelid
                where k.conrelid = c.oid and k.contype = 'f' and k.confrelid <> c.oid and not other.relispartition) as needs
    from pg_class c
   where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
     and c.relowner = (select relowner from pg_class where oid = to_regclass('schema_migrations'))
     and c.relname <> all ($1::text[])
   order by c.relname`;

/** Of the tables as they are now; reads the catalogue only. */
export async function planDump(client: ClientBase): Promise<DumpPlan> {
  const { rows } = await client.query<DumpedTable & { readonly needs: string[] }>(TABLES, [LEFT_OUT]);
  const version = await client.query<{ server: string }>(
    `select current_setting('server_version') as server`,
  );
  return { tables: inOrder(rows), server: version.rows[0]?.server ?? '' };
}

/** By what they need. Throws for tables that need each other: no order of filling them would do. */
export function inOrder<Table extends { readonly name: string; readonly needs: readonly string[] }>(
  tables: readonly Table[],
): Table[] {
  const known = new Set(tables.map(({ name }) => name));
  const ordered: Table[] = [];
  const placed = new Set<string>();
  let waiting = [...tables];
  while (waiting.length > 0) {
    const ready = waiting.filter(({ needs }) => needs.every((name) => placed.has(name) || !known.has(name)));
    if (ready.length === 0)
      throw new Error(`these tables need each other: ${waiting.map(({ name }) => name).join(', ')}`);
    for (const table of ready) placed.add(table.name);
    ordered.push(...ready);
    waiting = waiting.filter(({ name }) => !placed.has(name));
  }
  return ordered;
}
