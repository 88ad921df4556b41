import { z } from 'zod';
import { fieldErrors, type FieldError } from '../../../kernel/http/index.js';
import type { RemoteOptions } from '../engine/transfer-engine.js';
import { alias, combine, crypt, union } from './composed.js';
import { drive, dropbox, onedrive } from './drives.js';
import { MAX_VALUE_BYTES } from './fields.js';
import { ftp, http, sftp, webdav } from './file-servers.js';
import { azureblob, b2, gcs, s3 } from './object-stores.js';
import type { Configuration, RemoteOption, RemoteTypeDefinition } from './remote-type.js';
import type { RemoteType } from './remote-types.js';

const local: RemoteTypeDefinition = {
  type: 'local',
  summary: 'A folder of the server.',
  root: 'folder',
  options: {},
  secrets: {},
  fixed: {},
  parts: null,
};

export const remoteTypes: Readonly<Record<RemoteType, RemoteTypeDefinition>> = {
  local,
  alias,
  sftp,
  webdav,
  s3,
  ftp,
  http,
  drive,
  dropbox,
  onedrive,
  b2,
  azureblob,
  gcs,
  crypt,
  union,
  combine,
};

const objectOf = (options: Readonly<Record<string, RemoteOption>>) =>
  z.strictObject(Object.fromEntries(Object.entries(options).map(([name, { schema }]) => [name, schema])));

const schemas = new Map(
  Object.values(remoteTypes).map(({ type, options, secrets }) => [
    type,
    { options: objectOf(options), secrets: objectOf(secrets) },
  ]),
);

/** What a client may send as `options` and as `secrets` of a type, each on its own. */
export function schemasOf(type: RemoteType): { options: z.ZodType<object>; secrets: z.ZodType<object> } {
  const found = schemas.get(type);
  if (!found) throw new Error(`no schema for remotes of type ${type}`);
  return found;
}

/** The options and secrets in the form they are kept in, or what is wrong with them. Never repeats a value. */
export function parseConfiguration(
  type: RemoteType,
  input: { options: unknown; secrets: unknown },
): { configuration: Configuration; errors: [] } | { configuration: null; errors: FieldError[] } {
  const schema = schemasOf(type);
  const options = schema.options.safeParse(input.options);
  const secrets = schema.secrets.safeParse(input.secrets);
  const errors = [
    ...fieldErrors(options.error?.issues ?? [], '/options'),
    ...fieldErrors(secrets.error?.issues ?? [], '/secrets'),
  ];
  if (!options.success || !secrets.success) return { configuration: null, errors };
  const configuration = {
    options: present(options.data),
    secrets: present(secrets.data) as Record<string, string>,
  };
  const problems = remoteTypes[type].problems?.(configuration) ?? [];
  if (problems.length === 0) return { configuration, errors: [] };
  return {
    configuration: null,
    errors: problems.map(({ pointer, detail }) => ({ pointer, code: 'configuration', detail })),
  };
}

/** rclone's options: what is fixed for the type, then what was configured. Throws for anything rclone must not get. */
export function rcloneOptions(type: RemoteType, { options, secrets }: Configuration): RemoteOptions {
  const definition = remoteTypes[type];
  const given = [...translate(definition.options, options), ...translate(definition.secrets, secrets)];
  for (const [key, value] of given)
    if (isDenied(key) || isUnfit(value)) throw new Error(`the option ${key} of ${type} is not for rclone`);
  return { ...definition.fixed, ...Object.fromEntries(given) };
}

/** What rclone is given for each field, with the place the field was sent at. */
export function rcloneOptionsByField(
  type: RemoteType,
  { options, secrets }: Configuration,
): { pointer: string; options: RemoteOptions }[] {
  const definition = remoteTypes[type];
  const each = (part: 'options' | 'secrets', values: Configuration['options']) =>
    Object.entries(values).map(([name, value]) => ({
      pointer: `/${part}/${name}`,
      options: Object.fromEntries(translate(definition[part], { [name]: value })),
    }));
  return [...each('options', options), ...each('secrets', secrets)];
}

/**
 * Keys that run programs, read files, use the server's identity, change how names are written, or set what belongs
 * to all remotes. No definition has one; asked again in case one is ever added.
 */
export const isDenied = (key: string): boolean =>
  /\.|_command$|^ssh$|_file$|_path$|^env_auth$|encoding$|proxy|proxies|^config_|^remote$|^upstreams$|_url$|^type$/.test(
    key,
  ) && !ALLOWED_ALTHOUGH.has(key);

/** How crypt writes its own names, and the address of an Azure container: both checked in their schemas. */
const ALLOWED_ALTHOUGH: ReadonlySet<string> = new Set(['filename_encoding', 'sas_url']);

/** rclone's keys of what is secret. */
export function secretKeysOf(type: RemoteType): ReadonlySet<string> {
  const secrets = Object.values(remoteTypes[type].secrets);
  return new Set(
    secrets.flatMap(({ key, toRclone }) => (key === undefined ? Object.keys(toRclone?.('') ?? {}) : [key])),
  );
}

const isUnfit = (value: string | number | boolean): boolean =>
  typeof value === 'string' && (/\p{Cc}/u.test(value) || Buffer.byteLength(value) > 2 * MAX_VALUE_BYTES);

function translate(
  known: Readonly<Record<string, RemoteOption>>,
  values: Configuration['options'],
): [string, string | number | boolean][] {
  return Object.entries(values).flatMap(([name, value]) => {
    const found = Object.hasOwn(known, name) ? known[name] : undefined;
    if (found?.toRclone) return Object.entries(found.toRclone(value));
    if (found?.key === undefined) throw new Error(`no option ${name}`);
    return [[found.key, value] as [string, string | number | boolean]];
  });
}

function present(values: object): Configuration['options'] {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
