import { withClient } from './database.js';

const OURS = `not exists (select from pg_depend d where d.objid = o.oid and d.deptype = 'e')`;

/** One query per kind of object; each answers lines of text that say all there is to say about it. */
const QUERIES = [
  `select format('%s %I %s %s %s row security %s forced %s', o.relkind, o.relname, o.reloptions, pg_get_partkeydef(o.oid),
                 pg_get_expr(o.relpartbound, o.oid), o.relrowsecurity, o.relforcerowsecurity)
     from pg_class o where o.relnamespace = 'public'::regnamespace and o.relkind not in ('i', 'I') and ${OURS}`,
  `select format('column %I.%s %I %s %s default %s identity %s generated %s', o.relname,
                 row_number() over (partition by o.oid order by a.attnum), a.attname,
                 format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 'not null' end,
                 pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated)
     from pg_class o join pg_attribute a on a.attrelid = o.oid and a.attnum > 0 and not a.attisdropped
     left join pg_attrdef d on d.adrelid = o.oid and d.adnum = a.attnum
    where o.relnamespace = 'public'::regnamespace and o.relkind in ('r', 'p', 'v') and ${OURS}`,
  `select format('constraint %s %I %s', coalesce(nullif(o.conrelid, 0)::regclass, nullif(o.contypid, 0)::regtype::oid),
                 o.conname, pg_get_constraintdef(o.oid))
     from pg_constraint o where o.connamespace = 'public'::regnamespace and ${OURS}`,
  `select pg_get_indexdef(o.oid) from pg_class o
    where o.relnamespace = 'public'::regnamespace and o.relkind in ('i', 'I') and ${OURS}`,
  `select pg_get_triggerdef(o.oid) from pg_trigger o join pg_class c on c.oid = o.tgrelid
    where not o.tgisinternal and c.relnamespace = 'public'::regnamespace`,
  `select pg_get_functiondef(o.oid) from pg_proc o
    where o.pronamespace = 'public'::regnamespace and o.prokind in ('f', 'p') and ${OURS}`,
  `select format('type %s %s', o.typname, (select string_agg(enumlabel, ',' order by enumsortorder)
                 from pg_enum where enumtypid = o.oid))
     from pg_type o where o.typnamespace = 'public'::regnamespace and o.typtype in ('e', 'd') and ${OURS}`,
  `select format('extension %s', extname) from pg_extension`,
  `select format('policy %s', (p)::text) from pg_policies p where schemaname = 'public'`,
];

/** Everything of the schema `public` as sorted lines: equal for equal schemas, with no ids of this one server. */
export async function catalogueOf(url: string): Promise<string[]> {
  return withClient(url, async (client) => {
    const lines: string[] = [];
    for (const text of QUERIES) {
      const { rows } = await client.query<[string]>({ text, rowMode: 'array' });
      lines.push(...rows.map(([line]) => line));
    }
    return lines.toSorted();
  });
}
