import { Injectable } from '@nestjs/common';
import { createHash, randomInt } from 'node:crypto';
import type { Actor } from '../../kernel/auth/index.js';
import { Database, type Read } from '../../kernel/database/index.js';
import { UserError } from '../../kernel/http/index.js';
import type { EngineRemote, RemotePart } from './engine/transfer-engine.js';
import type { RemotePartEntity } from './parts/remote-part.entity.js';
import { RemotePartsRepository } from './parts/remote-parts.repository.js';
import { RemoteAccess } from './permissions/remote-access.js';
import type { RemoteEntity } from './remote.entity.js';
import { InvalidRemotePath, parseRemotePath } from './remote-path.js';
import { engineRoot } from './remote-root.js';
import { RemotesRepository } from './remotes.repository.js';
import type { PartBody } from './remotes.schema.js';
import { RemoteSecrets } from './secrets/remote-secrets.js';
import { parseConfiguration, rcloneOptions, remoteTypes } from './types/configuration.js';
import type { Configuration } from './types/remote-type.js';

/** Remotes in remotes in remotes: deeper nobody understands what is where. */
const MOST_LEVELS = 4;
/** All of them together become remotes of one rclone. */
const MOST_REMOTES = 32;

/** A remote that is not stored, or not stored like this. */
export interface Draft extends Pick<RemoteEntity, 'id' | 'type' | 'root' | 'ownerId'> {
  readonly configuration: Configuration;
  readonly parts: readonly PartBody[];
}

/** What one tree of remotes is built from. */
interface Stock {
  readonly remotes: ReadonlyMap<string, RemoteEntity>;
  readonly sealed: ReadonlyMap<string, Buffer | null>;
  readonly parts: ReadonlyMap<string, readonly RemotePartEntity[]>;
  built: number;
}

/**
 * Makes remotes of the engine out of rows, with their secrets opened and their parts built in.
 *
 * Whatever is in a row is judged again by the closed list of its type, so that nobody who can write to the table can
 * have rclone run a program (409 `remote_misconfigured`, which names the option and not its value). A remote may be
 * made only of what its owner may use in full at this moment (403 `remote_part_forbidden`).
 */
@Injectable()
export class EngineRemotes {
  constructor(
    private readonly database: Database,
    private readonly remotes: RemotesRepository,
    private readonly parts: RemotePartsRepository,
    private readonly secrets: RemoteSecrets,
    private readonly access: RemoteAccess,
  ) {}

  async of(read: Read, remote: RemoteEntity): Promise<EngineRemote> {
    const stock = await this.stock(read, [remote]);
    await this.refuseForbiddenParts(stock);
    return this.build(stock, remote, 1);
  }

  /** Has a version no stored one has: a process that serves it is of no use to anybody afterwards. */
  async ofDraft(read: Read, draft: Draft): Promise<EngineRemote> {
    const { id, type, root, ownerId, configuration, parts } = draft;
    const found = await this.remotes.findMany(read, [...new Set(parts.map(({ remoteId }) => remoteId))]);
    const stock = await this.stock(read, found);
    await this.refuseForbiddenParts(stock);
    const built = parts.map(({ remoteId, path, name = null, readOnly = false }, position): RemotePart => {
      const part = stock.remotes.get(remoteId);
      if (!part || part.id === id) throw unknownPart(position);
      return { remote: this.build(stock, part, 2), path: parseRemotePath(path), name, readOnly };
    });
    await this.refuseForbidden(
      ownerId,
      parts.map((part) => ({ ...part, partId: part.remoteId })),
    );
    return {
      id,
      type,
      root: this.rootOf({ type, root }),
      version: -randomInt(1, 2 ** 47),
      options: rcloneOptions(type, configuration),
      parts: built,
    };
  }

  /** What the actor itself has to be allowed on each part it names: 400 at the part. */
  async refuseUnknownParts(read: Read, actor: Actor, parts: readonly PartBody[]): Promise<void> {
    for (const [position, part] of parts.entries())
      if (!(await this.mayUse(read, actor, { ...part, partId: part.remoteId }))) throw unknownPart(position);
  }

  /** Refuses circles and too many levels in any of these: 400. */
  async refuseDepth(read: Read, ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      const shape = await this.stock(read, await this.remotes.findMany(read, [id]));
      let remotes = 0;
      const visit = (at: string, level: number): void => {
        if (level > MOST_LEVELS || ++remotes > MOST_REMOTES) throw tooDeep();
        for (const { partId } of shape.parts.get(at) ?? []) visit(partId, level + 1);
      };
      visit(id, 1);
    }
  }

  /** The options and secrets of a row, judged again. */
  configurationOf(
    remote: Pick<RemoteEntity, 'id' | 'type' | 'options'>,
    sealed: Buffer | null,
  ): Configuration {
    const secrets = this.secrets.open(remote.id, sealed);
    const { configuration, errors } = parseConfiguration(remote.type, { options: remote.options, secrets });
    if (configuration) return configuration;
    const named = errors.map(({ pointer, detail }) => `${pointer.slice(0, 100)} ${detail}`).slice(0, 5);
    throw misconfigured(named.join('; '));
  }

  private build(stock: Stock, remote: RemoteEntity, level: number): EngineRemote {
    stock.built += 1;
    if (level > MOST_LEVELS || stock.built > MOST_REMOTES) throw tooDeep();
    const { id, type, version, secretsVersion } = remote;
    const configuration = this.configurationOf(remote, stock.sealed.get(id) ?? null);
    const rows = stock.parts.get(id) ?? [];
    const rules = remoteTypes[type].parts;
    if (rows.length < (rules?.least ?? 0) || rows.length > (rules?.most ?? 0))
      throw misconfigured('its parts');
    const parts = rows.map((row): RemotePart => {
      const part = stock.remotes.get(row.partId);
      if (!part) throw misconfigured('its parts');
      return {
        remote: this.build(stock, part, level + 1),
        path: parsed(row.path),
        name: rules?.named ? row.name : null,
        readOnly: row.readOnly,
      };
    });
    return {
      id,
      type,
      root: this.rootOf(remote),
      version:
        parts.length === 0 ? version + secretsVersion - 1 : versionOf([version, secretsVersion], parts),
      secretsVersion,
      options: rcloneOptions(type, configuration),
      parts,
    };
  }

  private rootOf({ type, root }: Pick<RemoteEntity, 'type' | 'root'>): string {
    const kind = remoteTypes[type].root;
    return kind === 'folder' ? root : parsed(root, (value) => engineRoot(kind, value));
  }

  /** The remotes with everything they are made of, read level by level. */
  private async stock(read: Read, roots: readonly RemoteEntity[]): Promise<Stock> {
    const remotes = new Map(roots.map((remote) => [remote.id, remote]));
    const parts = new Map<string, RemotePartEntity[]>();
    let level = roots.filter(({ type }) => remoteTypes[type].parts !== null).map(({ id }) => id);
    for (let depth = 1; level.length > 0; depth++) {
      if (depth > MOST_LEVELS || remotes.size > MOST_REMOTES) throw tooDeep();
      const rows = await this.parts.of(read, level);
      for (const id of level) parts.set(id, []);
      for (const row of rows) parts.get(row.remoteId)?.push(row);
      const missing = [...new Set(rows.map(({ partId }) => partId))].filter((id) => !remotes.has(id));
      const found = await this.remotes.findMany(read, missing);
      for (const remote of found) remotes.set(remote.id, remote);
      level = found.filter(({ type }) => remoteTypes[type].parts !== null).map(({ id }) => id);
    }
    return { remotes, parts, sealed: await this.remotes.sealedOf(read, [...remotes.keys()]), built: 0 };
  }

  private async refuseForbiddenParts({ remotes, parts }: Stock): Promise<void> {
    for (const [id, rows] of parts) {
      const ownerId = remotes.get(id)?.ownerId;
      const others = rows.filter(({ partId }) => remotes.get(partId)?.ownerId !== ownerId);
      if (ownerId !== undefined) await this.refuseForbidden(ownerId, others);
    }
  }

  private async refuseForbidden(ownerId: string, parts: readonly UsedPart[]): Promise<void> {
    if (parts.length === 0) return;
    const { read } = this.database.system('parts of remotes');
    const [owner] = await this.parts.owners(read, [ownerId]);
    // Acts for its owner like a job does; there need not be one.
    const role = owner?.isActive ? owner.role : 'user';
    const actor: Actor = { type: 'job', userId: ownerId, role, jobId: ownerId };
    for (const part of parts)
      if (!(await this.mayUse(read, actor, part)))
        throw UserError.forbidden(
          'A remote that this one is made of may not be used in full by its owner.',
          'remote_part_forbidden',
        );
  }

  /** In full, because whoever may use the whole may do with the part whatever the whole allows. */
  private async mayUse(read: Read, actor: Actor, { partId, path, readOnly }: UsedPart): Promise<boolean> {
    const place = parsed(path);
    for (const action of readOnly ? (['read'] as const) : (['read', 'write', 'delete'] as const))
      if ((await this.access.tree(read, actor, partId, action, place)).answer !== 'all') return false;
    return true;
  }
}

interface UsedPart {
  readonly partId: string;
  readonly path: string;
  readonly readOnly?: boolean | undefined;
}

/** Follows from the versions of all that it is made of: in whatever process, another one for another state. */
function versionOf(own: readonly number[], parts: readonly RemotePart[]): number {
  const state = [...own, ...parts.map(({ remote, path }) => [remote.id, remote.version, path])];
  return createHash('sha256').update(JSON.stringify(state)).digest().readUIntBE(0, 6);
}

function parsed<T = ReturnType<typeof parseRemotePath>>(
  path: string,
  parse: (path: string) => T = parseRemotePath as (path: string) => T,
): T {
  try {
    return parse(path);
  } catch (error) {
    if (!(error instanceof InvalidRemotePath)) throw error;
    throw misconfigured(`a path: ${error.message}`);
  }
}

const misconfigured = (what: string): UserError =>
  UserError.conflict(
    'remote_misconfigured',
    `This remote is configured in a way that is not allowed: ${what}.`,
  );

const tooDeep = (): UserError =>
  UserError.field(
    '/parts',
    'too_deep',
    `is too much: remotes in each other may have ${MOST_LEVELS} levels and ${MOST_REMOTES} remotes, and no circle`,
  );

const unknownPart = (position: number): UserError =>
  UserError.field(
    `/parts/${position}/remoteId`,
    'unknown_remote',
    'is not a remote that you may read, write and delete in at this path',
  );
