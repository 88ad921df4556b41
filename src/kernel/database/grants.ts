import type { Client } from 'pg';
import { QUEUE_SCHEMA } from '../queue/queues.js';

/**
 * What the application may do with the tables where it is not the usual four. Nothing but reading and adding in the
 * audit trail, so that whoever takes over the application cannot cover the traces.
 */
const LIMITED: Readonly<Record<string, readonly string[]>> = {
  audit_logs: ['select', 'insert'],
  installation: ['select'],
  month_partitioned: [],
  schema_migrations: [],
  seed_runs: ['select', 'insert'],
};

/** `role`, `limited`: everything of Steward's in this database that the role lacks, as one GRANT for each. */
const MISSING = `
  with place as (
    select n.oid, n.nspname, n.nspname = $2 as queue, coalesce(
             case when n.nspname = $2 then n.nspowner end,
             (select relowner from pg_class where oid = to_regclass('schema_migrations'))) as owner
      from pg_namespace n where n.nspname in (current_schema(), $2)),
  missing as (
    -- Temporary tables are what BullMQ adds many messages at once through.
    select privilege, format('database %I', current_database()) as thing
      from unnest(array['connect', 'temporary']) as privilege
     where not has_database_privilege($1, current_database(), privilege)
    union all
    select 'usage', format('schema %I', nspname) from place where not has_schema_privilege($1, place.oid, 'usage')
    union all
    -- A partition is reached only through its table: by itself it has no policies.
    select privilege, format('table %I.%I', nspname, relname)
      from place join pg_class c on c.relnamespace = place.oid and c.relowner = place.owner
           and c.relkind in ('r', 'p') and not c.relispartition
      cross join lateral jsonb_array_elements_text(
        case when not place.queue and $3::jsonb ? c.relname then $3::jsonb -> c.relname
             else '["select", "insert", "update", "delete"]' end) as privilege
     where not has_table_privilege($1, c.oid, privilege)
    union all
    select 'usage', format('sequence %I.%I', nspname, relname)
      from place join pg_class c on c.relnamespace = place.oid and c.relowner = place.owner
     where case when c.relkind = 'S' then not has_sequence_privilege($1, c.oid, 'usage') end
    union all
    select 'execute', format('function %s', p.oid::regprocedure)
      from place join pg_proc p on p.pronamespace = place.oid and p.proowner = place.owner and p.prokind = 'f'
     where not has_function_privilege($1, p.oid, 'execute'))
  select format('grant %s on %s to %I', string_agg(privilege, ', '), thing, $1::text) as statement
    from missing group by thing order by thing`;

/**
 * Gives the role what the application needs in this database and nothing more: rows, never the shape of tables.
 * Takes nothing away from anybody, and when nothing is missing writes nothing.
 */
export async function grantMissing(owner: Client, role: string): Promise<void> {
  const values = [role, QUEUE_SCHEMA, JSON.stringify(LIMITED)];
  const { rows } = await owner.query<{ statement: string }>(MISSING, values);
  if (rows.length > 0) await owner.query(rows.map(({ statement }) => statement).join(';\n'));
}
