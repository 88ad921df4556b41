import { describe, expect, it } from 'vitest';
import { remoteTypes } from '../types/configuration.js';
import type { RemoteOption } from '../types/remote-type.js';
import { REMOTE_TYPES, type RemoteType } from '../types/remote-types.js';
import { knownOptions, refuseUnknownOptions } from './known-options.js';

/** What each option may be given to rclone as. An option that is translated says it itself. */
const kindsOf = ({ key, schema, toRclone }: RemoteOption): [string, string][] => {
  if (key !== undefined) return [true, 1, 22, 'x', 'unix'].flatMap((value) => kindIf(key, schema, value));
  return Object.entries(toRclone?.('explicit') ?? {}).map(([name, value]) => [name, typeof value]);
};
const kindIf = (key: string, schema: RemoteOption['schema'], value: unknown): [string, string][] =>
  schema.safeParse(value).success ? [[key, typeof value]] : [];
const keysOf = ({ key, toRclone }: RemoteOption): string[] =>
  key === undefined ? Object.keys(toRclone?.('') ?? {}) : [key];

/** Everything a remote of the type can be made with. */
function possible(type: RemoteType): string[] {
  const { options, secrets, fixed } = remoteTypes[type];
  const keys = [...Object.values(options), ...Object.values(secrets)].flatMap(keysOf);
  return [...new Set([...keys, ...Object.keys(fixed)])].toSorted();
}

describe.each(REMOTE_TYPES)('the options of %s', (type) => {
  const { options, secrets, fixed } = remoteTypes[type];

  it('are the same for who configures it and for who tells rclone', () => {
    expect([...knownOptions(type)].toSorted()).toEqual(possible(type));
  });

  it('have one kind each, which is let through', () => {
    const kinds = new Map(Object.entries(fixed).map(([key, value]) => [key, typeof value as string]));
    for (const [key, kind] of [...Object.values(options), ...Object.values(secrets)].flatMap(kindsOf))
      expect([key, kind]).toEqual([key, kinds.set(key, kinds.get(key) ?? kind).get(key)]);
    expect(() => refuseUnknownOptions(type, fixed)).not.toThrow();
  });

  it('are no others', () => {
    for (const key of ['', 'links', 'type', '__proto__', 'constructor', 'bearer_token_command', 'env_auth']) {
      const given = JSON.parse(`{${JSON.stringify(key)}: true}`) as Record<string, boolean>;
      expect(() => refuseUnknownOptions(type, given)).toThrow('not allowed');
    }
  });
});
