import type { z } from 'zod';
import type { RemoteOptions } from '../engine/transfer-engine.js';
import type { RemoteType } from './remote-types.js';

export type OptionValue = string | number | boolean;

/** One option: what a client may send for it, and what rclone calls it. */
export interface RemoteOption {
  readonly schema: z.ZodType<OptionValue | undefined>;
  /** rclone's key, for options that are given to rclone as they are. */
  readonly key?: string;
  /** What rclone is given for it otherwise. */
  readonly toRclone?: (value: OptionValue) => RemoteOptions;
  /** rclone wants it obscured, which its `config/create` does when it is told to; here it is plain. */
  readonly obscured?: true;
}

/** What an alias, crypt, union or combine is made of. */
export interface PartRules {
  readonly least: number;
  readonly most: number;
  /** Each is a folder of that name. */
  readonly named: boolean;
  /** Each may be kept from being written to. */
  readonly readOnly: boolean;
}

export interface Configuration {
  readonly options: Readonly<Record<string, OptionValue>>;
  readonly secrets: Readonly<Record<string, string>>;
}

export interface ConfigurationProblem {
  /** `/options/host`, `/secrets/password`. */
  readonly pointer: string;
  readonly detail: string;
}

/**
 * A type of remote: a closed list of what it can be configured with. Whatever is not listed does not reach rclone,
 * because rclone's options run programs (`*_command`, `ssh`), read files (`*_file`) and use the server's own cloud
 * identity (`env_auth`).
 */
export interface RemoteTypeDefinition {
  readonly type: RemoteType;
  /** One sentence for `GET /api/remote-types`. */
  readonly summary: string;
  /**
   * `folder`: an absolute folder of the server. `home`: `~`, a path below it (`~/a`), or an absolute path of the far
   * side. `path`: a path of the far side, for object stores beginning with the bucket. `none`: its parts say it.
   */
  readonly root: 'folder' | 'home' | 'path' | 'none';
  readonly options: Readonly<Record<string, RemoteOption>>;
  /** Sealed at rest and never returned. */
  readonly secrets: Readonly<Record<string, RemoteOption>>;
  /** Always given to rclone, so that no default of it, of now or of later, decides. */
  readonly fixed: RemoteOptions;
  readonly parts: PartRules | null;
  /** Rules between options. */
  readonly problems?: (configuration: Configuration) => ConfigurationProblem[];
}

export const option = (key: string, schema: RemoteOption['schema']): RemoteOption => ({ key, schema });
export const obscured = (key: string, schema: RemoteOption['schema']): RemoteOption => ({
  key,
  schema,
  obscured: true,
});
export const translated = (
  schema: RemoteOption['schema'],
  toRclone: (value: OptionValue) => RemoteOptions,
): RemoteOption => ({ schema, toRclone });

export const missing = (pointer: string, detail = 'is required'): ConfigurationProblem => ({
  pointer,
  detail,
});

/** Problems of a configuration in which one of `pointers` has to be there. */
export function oneOf(configuration: Configuration, pointers: readonly string[]): ConfigurationProblem[] {
  const present = pointers.filter((pointer) => valueAt(configuration, pointer) !== undefined);
  if (present.length === 1) return [];
  const names = pointers.map((pointer) => pointer.slice(pointer.lastIndexOf('/') + 1)).join(' or ');
  if (present.length === 0) return [missing(pointers[0] ?? '/', `is required: ${names}`)];
  return [{ pointer: present[1] ?? '/', detail: `cannot be together: ${names}` }];
}

function valueAt(configuration: Configuration, pointer: string): OptionValue | undefined {
  const [, part, name = ''] = pointer.split('/');
  return part === 'secrets' ? configuration.secrets[name] : configuration.options[name];
}
