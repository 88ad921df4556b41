import { Client, DatabaseError, escapeIdentifier, escapeLiteral } from 'pg';
import type { Keyring } from '../crypto/index.js';
import { grantMissing } from './grants.js';
import { DatabaseUnusableError } from './open-database.js';
import { scramVerifier } from './scram.js';

/** Advisory lock held while the role is made, so that processes starting together do it one after the other. */
const ROLE_LOCK = 7_410_003;

export interface ApplicationAccess {
  /** For every connection of the running process. Contains the password. */
  readonly url: string;
  /** What the operator should know: row-level security that binds less than it could, or not at all. */
  readonly warnings: readonly string[];
}

interface Addresses {
  /** Of the user who owns the tables and has migrated them. */
  readonly ownerUrl: string;
  /** Of the user the operator has set up for the application; the owner's where there is none. */
  readonly configuredUrl: string;
}

interface WhoAmI {
  readonly name: string;
  /** Superuser or BYPASSRLS: no policy binds it. */
  readonly unbound: boolean;
  /** Of the database, the same for as long as it exists. */
  readonly oid: string;
}

/**
 * The application's way into the migrated database: as a login role that owns nothing and may change rows but not
 * tables, so that policies cannot be got round or switched off by whoever takes over the application (ADR 14).
 *
 * Where the operator has named an owner apart (DATABASE_MIGRATION_URL), the role of DATABASE_URL is given what it
 * needs. Otherwise Steward makes a role of its own for this database. Where it may not, it goes on as the configured
 * user and says so. Safe to repeat and for several processes at once.
 */
export async function applicationAccess(addresses: Addresses, keyring: Keyring): Promise<ApplicationAccess> {
  const owner = await connect(addresses.ownerUrl);
  try {
    await owner.query('select pg_advisory_lock($1)', [ROLE_LOCK]);
    const who = await whoAmI(owner);
    return addresses.ownerUrl === addresses.configuredUrl
      ? await withOwnRole(owner, who, addresses.ownerUrl, keyring)
      : await withConfiguredRole(owner, who, addresses.configuredUrl);
  } finally {
    await owner.end();
  }
}

async function withConfiguredRole(owner: Client, who: WhoAmI, url: string): Promise<ApplicationAccess> {
  const role = await usedBy(url, whoAmI);
  if (role.oid !== who.oid) throw differentDatabases();
  if (role.name === who.name)
    return { url, warnings: [asOwner(who, 'DATABASE_URL and DATABASE_MIGRATION_URL name the same user')] };
  await grantMissing(owner, role.name).catch((error: unknown) => {
    if (!(error instanceof DatabaseError)) throw error;
    throw new DatabaseUnusableError(
      `DATABASE_MIGRATION_URL: ${who.name} cannot give ${role.name} what it needs (${error.message}).`,
    );
  });
  if ((await usedBy(url, installation)) !== (await installation(owner))) throw differentDatabases();
  return { url, warnings: role.unbound ? [notBound(role)] : [] };
}

const differentDatabases = (): DatabaseUnusableError =>
  new DatabaseUnusableError(
    'DATABASE_URL and DATABASE_MIGRATION_URL name different databases; they must differ only in the user.',
  );

/** Its name follows from the database, because roles belong to the whole server; its password from the secret. */
async function withOwnRole(
  owner: Client,
  who: WhoAmI,
  ownerUrl: string,
  keyring: Keyring,
): Promise<ApplicationAccess> {
  const name = `steward_app_${who.oid}`;
  const password = keyring.derive(`database role ${name}`).export().toString('base64url');
  const url = withUser(ownerUrl, name, password);
  try {
    const warnings = await ensureRole(owner, name, password, url);
    await grantMissing(owner, name);
    const role = await usedBy(url, whoAmI);
    return { url, warnings: role.unbound ? [...warnings, notBound(role)] : warnings };
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    return {
      url: ownerUrl,
      warnings: [asOwner(who, `a role of its own is not to be had (${error.message})`)],
    };
  }
}

async function ensureRole(owner: Client, name: string, password: string, url: string): Promise<string[]> {
  const role = escapeIdentifier(name);
  const verifier = escapeLiteral(scramVerifier(password));
  const { rowCount } = await owner.query('select from pg_roles where rolname = $1', [name]);
  if (rowCount === 0) {
    await owner.query(`create role ${role} login password ${verifier}`);
    return [];
  }
  if (await isWelcome(url)) return [];
  await owner.query(`alter role ${role} login password ${verifier}`);
  return [
    `The database role ${name} had another password and has a new one: the secret has changed. Processes that still ` +
      'run with another STEWARD_SECRET cannot connect any more; all processes of an installation must share it.',
  ];
}

/** False when the server refuses the password. */
async function isWelcome(url: string): Promise<boolean> {
  try {
    await usedBy(url, () => Promise.resolve());
    return true;
  } catch (error) {
    if (error instanceof DatabaseError && error.code?.startsWith('28')) return false;
    throw error;
  }
}

async function whoAmI(client: Client): Promise<WhoAmI> {
  const { rows } = await client.query<WhoAmI>(
    `select rolname as name, rolsuper or rolbypassrls as unbound,
            (select oid::text from pg_database where datname = current_database()) as oid
       from pg_roles where rolname = current_user`,
  );
  const [row] = rows;
  if (!row) throw new Error('the connected user is not among the roles');
  return row;
}

/** The servers of two addresses may be different ones whose databases have the same number. */
async function installation(client: Client): Promise<string | undefined> {
  const { rows } = await client.query<{ id: string }>('select id from installation');
  return rows[0]?.id;
}

const notBound = ({ name }: WhoAmI): string =>
  `ROW-LEVEL SECURITY DOES NOT BIND: the database user ${name} is a superuser or has BYPASSRLS, so only the checks ` +
  'in the application keep the rows of users apart. Give Steward a user without either; docs/guides/operate.md says how.';

const asOwner = (who: WhoAmI, reason: string): string =>
  who.unbound
    ? `${notBound(who)} The reason: ${reason}.`
    : `Steward works as ${who.name}, the owner of the tables, because ${reason}. Row-level security still binds it, but ` +
      'the owner can switch it off. docs/guides/operate.md says how to set up a user of its own.';

/** The same address for another user, also where it names no host (a socket) and therefore cannot carry a user. */
function withUser(url: string, user: string, password: string): string {
  const address = new URL(url);
  if (address.host !== '') {
    address.username = user;
    address.password = password;
    address.searchParams.delete('user');
    address.searchParams.delete('password');
  } else {
    address.searchParams.set('user', user);
    address.searchParams.set('password', password);
  }
  return address.href;
}

async function connect(url: string): Promise<Client> {
  const client = new Client({
    connectionString: url,
    application_name: 'steward start',
    connectionTimeoutMillis: 10_000,
  });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

async function usedBy<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await connect(url);
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
