import { Injectable } from '@nestjs/common';
import type { Actor } from '../../kernel/auth/index.js';
import { Settings } from '../../kernel/config/index.js';
import { Database } from '../../kernel/database/index.js';
import { UserError, parseOrThrow } from '../../kernel/http/index.js';
import { EngineRemotes, type Draft } from './engine-remotes.js';
import { prepareLocalRoot } from './local-folder.js';
import { HostRefused, HostUnknown, OutboundHosts, hostsOf } from './outbound/outbound-hosts.js';
import type { RemotePartEntity } from './parts/remote-part.entity.js';
import type { RemoteEntity } from './remote.entity.js';
import { DEFAULT_ROOT } from './remote-root.js';
import type { RemoteRowChanges } from './remotes.repository.js';
import {
  partsOf,
  rootOf,
  type NewRemoteBody,
  type PartBody,
  type RemoteChangesBody,
} from './remotes.schema.js';
import { RemoteSecrets } from './secrets/remote-secrets.js';
import { parseConfiguration, rcloneOptionsByField, remoteTypes } from './types/configuration.js';
import type { Configuration } from './types/remote-type.js';

type Changed = Pick<RemoteChangesBody, 'root' | 'options' | 'secrets' | 'parts'>;

/** What people send as the configuration of a remote, judged and put into the form it is kept in. */
@Injectable()
export class RemoteConfigurations {
  constructor(
    private readonly settings: Settings,
    private readonly database: Database,
    private readonly engineRemotes: EngineRemotes,
    private readonly secrets: RemoteSecrets,
    private readonly hosts: OutboundHosts,
  ) {}

  /** Makes the folder of a local one. Throws 400 naming what is wrong. */
  async ofNew(actor: Actor, id: string, ownerId: string, body: NewRemoteBody): Promise<Draft> {
    const { type, options = {}, secrets = {}, parts = [] } = body;
    const configuration = parsedOrThrow(type, { options, secrets });
    await this.refuseHosts(type, configuration);
    await this.engineRemotes.refuseUnknownParts(this.database.as(actor).read, actor, parts);
    const kind = remoteTypes[type].root;
    const root =
      kind === 'folder'
        ? await prepareLocalRoot(body.root ?? '', this.settings.localRoots)
        : (body.root ?? DEFAULT_ROOT[kind]);
    return { id, type, root, ownerId, configuration, parts };
  }

  /** How the remote would be after the change; null when the change is of its name alone. */
  async ofChanged(
    actor: Actor,
    remote: RemoteEntity,
    present: readonly RemotePartEntity[],
    sealed: Buffer | null,
    changes: Changed,
  ): Promise<Draft | null> {
    const { type, id, ownerId } = remote;
    const { root, options, secrets } = changes;
    if (![root, options, secrets, changes.parts].some((value) => value !== undefined)) return null;
    const configuration = this.merged(remote, sealed, changes);
    refuseSecretsForOthers(remote, configuration, secrets);
    await this.refuseHosts(type, configuration);
    const parts = changes.parts && this.partsIn(type, changes.parts);
    if (parts) await this.engineRemotes.refuseUnknownParts(this.database.as(actor).read, actor, parts);
    return {
      id,
      type,
      ownerId,
      configuration,
      root: root === undefined ? remote.root : await this.changedRoot(type, root),
      parts:
        parts ??
        present.map(({ partId, path, name, readOnly }) => ({
          remoteId: partId,
          path,
          name: name ?? undefined,
          readOnly,
        })),
    };
  }

  /** What of the row changes, from the row as it is now: a token renewed meanwhile is not put back. */
  rowChanges(
    now: RemoteEntity,
    sealed: Buffer | null,
    draft: Draft,
    changes: Changed,
  ): Omit<RemoteRowChanges, 'name' | 'nameKey'> {
    const row = { ...(changes.root !== undefined && { root: draft.root }) };
    if (changes.options === undefined && changes.secrets === undefined) return row;
    const configuration = this.merged(now, sealed, changes);
    if (changes.secrets === undefined) return { ...row, options: configuration.options };
    return {
      ...row,
      ...this.columnsOf(now.id, configuration),
      secretsVersion: now.secretsVersion + 1,
    };
  }

  columnsOf(
    id: string,
    { options, secrets }: Configuration,
  ): Pick<RemoteEntity, 'options' | 'secrets' | 'secretNames'> {
    return {
      options,
      secrets: this.secrets.seal(id, secrets),
      secretNames: Object.keys(secrets).toSorted(),
    };
  }

  private merged(remote: RemoteEntity, sealed: Buffer | null, { options, secrets }: Changed): Configuration {
    // Unreadable secrets can be replaced, which is the way out of it: all of them, as null or as a new value.
    const names = new Set(Object.keys(secrets ?? {}));
    const replacesAll = remote.secretNames.every((name) => names.has(name));
    const known = replacesAll ? {} : this.secrets.open(remote.id, sealed);
    return parsedOrThrow(remote.type, {
      options: withChanges(remote.options, options),
      secrets: withChanges(known, secrets),
    });
  }

  private partsIn(type: RemoteEntity['type'], parts: readonly unknown[]): PartBody[] {
    const rules = remoteTypes[type].parts;
    if (rules) return parseOrThrow(partsOf(rules), parts, '/parts');
    throw UserError.field('/parts', 'unknown_field', 'is not a known field of this type');
  }

  private async changedRoot(type: RemoteEntity['type'], root: string): Promise<string> {
    const schema = rootOf(remoteTypes[type]);
    if (!schema) throw UserError.field('/root', 'unknown_field', 'is not a known field of this type');
    const plain = parseOrThrow(schema, root, '/root');
    return type === 'local' ? prepareLocalRoot(plain, this.settings.localRoots) : plain;
  }

  /** A host that cannot be found may come back; whether it may be asked is asked again before each use. */
  private async refuseHosts(type: RemoteEntity['type'], configuration: Configuration): Promise<void> {
    for (const { pointer, options } of rcloneOptionsByField(type, configuration))
      for (const host of hostsOf({ options }))
        await this.hosts.check(host).catch((error: unknown) => {
          if (error instanceof HostUnknown) return;
          if (!(error instanceof HostRefused)) throw error;
          throw UserError.field(pointer, 'host_refused', error.message);
        });
  }
}

function parsedOrThrow(
  type: RemoteEntity['type'],
  input: { options: unknown; secrets: unknown },
): Configuration {
  const { configuration, errors } = parseConfiguration(type, input);
  if (configuration) return configuration;
  const [first] = errors;
  throw UserError.malformed(first ? `${first.pointer} ${first.detail}` : 'It is malformed.', errors);
}

/** What says where a remote leads, and how safely. */
const LEADS = ['host', 'port', 'url', 'endpoint', 'encryption', 'anyCertificate'] as const;

/**
 * Whoever may change a remote must not have what it logs in with sent to a place of their own: with a new place its
 * secrets are given anew.
 */
function refuseSecretsForOthers(
  { options, secretNames }: RemoteEntity,
  after: Configuration,
  secrets: object = {},
): void {
  if (LEADS.every((name) => options[name] === after.options[name])) return;
  const [kept] = secretNames.filter((name) => !Object.hasOwn(secrets, name));
  if (kept === undefined) return;
  throw UserError.field(
    `/secrets/${kept}`,
    'secret_required',
    'has to be given again when the remote leads elsewhere',
  );
}

function withChanges(values: object, changes: object = {}): object {
  const all = { ...values, ...changes };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null));
}
