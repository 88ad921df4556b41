import { Injectable } from '@nestjs/common';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { UserActor } from '../../../kernel/auth/index.js';
import { Settings } from '../../../kernel/config/index.js';
import { Database } from '../../../kernel/database/index.js';
import { UserError } from '../../../kernel/http/index.js';
import { AuditService } from '../../audit/index.js';
import {
  type ByteRange,
  type EngineRemote,
  type FileEntry,
  TransferEngine,
} from '../engine/transfer-engine.js';
import { type RemotePath, comparisonKey, displayPath, parseRemotePath } from '../remote-path.js';
import { rangeOf } from './byte-range.js';
import { FileAccess } from './file-access.js';
import { FileListings } from './file-listings.js';
import { isFolder, nothingAt, streamProblem } from './file-problem.js';
import { conditionOf, isListed, partIsOf, tagOf } from './file-tag.js';
import type { PathQuery } from './files.schema.js';
import { Gate, LengthError, begun } from './gate.js';

/** Nothing moved for so long: whoever stands still does not come back. */
const IDLE_MS = 60_000;

/** What is to be answered; `content` is null where nothing of the file is to be sent. */
export type Download =
  | { readonly kind: 'unchanged'; readonly entry: FileEntry }
  | { readonly kind: 'unsatisfiable'; readonly entry: FileEntry }
  | {
      readonly kind: 'content';
      readonly entry: FileEntry;
      readonly range: ByteRange | null;
      /** Bytes of the answer; null where the storage does not say how large the file is. */
      readonly length: number | null;
      readonly content: Readable | null;
    };

export interface Uploaded {
  readonly entry: FileEntry;
  readonly replaced: boolean;
}

/**
 * The content of files, as streams in both directions: memory does not depend on their size. Whoever stops reading
 * or sending, or stands still for a minute, ends the work on the far side.
 */
@Injectable()
export class FileContentService {
  /** Files that this process is receiving: two at once would be one mixture, or one person's work lost unseen. */
  private readonly receiving = new Set<string>();

  constructor(
    private readonly database: Database,
    private readonly access: FileAccess,
    private readonly engine: TransferEngine,
    private readonly listings: FileListings,
    private readonly settings: Settings,
    private readonly audit: AuditService,
  ) {}

  /** `wanted` is false for HEAD. 412 when the conditions of the request do not hold. */
  async download(
    actor: UserActor,
    id: string,
    { path: asked }: PathQuery,
    headers: IncomingHttpHeaders,
    wanted: boolean,
  ): Promise<Download> {
    const path = parseRemotePath(asked);
    const { remote, filter } = await this.access.look(actor, id);
    if (filter && !filter.shows(path, true) && !filter.shows(path, false)) throw nothingAt(path);
    const entry = await this.find(remote, path);
    if (entry?.isDir === true && (filter?.shows(path, true) ?? true))
      throw isFolder('only files have content');
    if (!entry || filter?.shows(path, false) === false) throw nothingAt(path);
    const condition = conditionOf(headers, entry);
    if (condition === 'failed') throw UserError.stale('file');
    if (condition === 'unchanged') return { kind: 'unchanged', entry };
    const size = entry.size === null || entry.size < 0 ? null : entry.size;
    const isPart = size !== null && partIsOf(headers, entry);
    const range = isPart ? rangeOf(headers.range, size) : null;
    if (range === 'unsatisfiable') return { kind: 'unsatisfiable', entry };
    const length = range ? range.to - range.from + 1 : size;
    const content = wanted && length !== 0 ? await this.open(remote, path, range, length) : null;
    return { kind: 'content', entry, range, length, content };
  }

  /**
   * Writes the body to a file; folders above it are made where the storage needs them. 409 `is_a_folder`,
   * `upload_in_progress`; 412 where `If-None-Match: *` finds a file or `If-Match` another one; 413; 507. Fails with
   * the body: then no half of it stays where the storage allows that.
   */
  async upload(
    actor: UserActor,
    id: string,
    { path: asked }: PathQuery,
    body: IncomingMessage,
  ): Promise<Uploaded> {
    const path = parseRemotePath(asked);
    const remote = await this.access.demand(actor, id, ['write', path]);
    refuseOtherBodies(body, this.settings.uploadLimitMb);
    const key = JSON.stringify([id, comparisonKey(path)]);
    if (this.receiving.has(key))
      throw UserError.conflict('upload_in_progress', 'This file is being uploaded by somebody just now.');
    this.receiving.add(key);
    try {
      const before = await this.find(remote, path);
      if (before?.isDir) throw isFolder('name a file in it');
      refuseUnmet(body.headers, before);
      return { entry: await this.receive(actor, remote, path, body), replaced: before !== null };
    } finally {
      this.receiving.delete(key);
    }
  }

  private async find(remote: EngineRemote, path: RemotePath): Promise<FileEntry | null> {
    return this.access.asked(remote, () => this.engine.stat(remote, path));
  }

  /** Resolves with the first bytes, so that what fails until then is still a problem document. */
  private async open(
    remote: EngineRemote,
    path: RemotePath,
    range: ByteRange | null,
    length: number | null,
  ): Promise<Readable> {
    try {
      const source = await this.engine.read(remote, path, range);
      const gate = new Gate({ exactly: length ?? undefined, idleMs: IDLE_MS, idle: stoodStill });
      tie(source, gate);
      await begun(gate);
      return gate;
    } catch (error) {
      throw streamProblem(error);
    }
  }

  private async receive(
    actor: UserActor,
    remote: EngineRemote,
    path: RemotePath,
    body: IncomingMessage,
  ): Promise<FileEntry> {
    const ending = new AbortController();
    const limit = this.settings.uploadLimitMb;
    const gate = new Gate({
      atMost: limit * MB,
      tooMuch: () => tooLarge(limit),
      idleMs: IDLE_MS,
      idle: stoodStill,
    });
    gate.once('error', () => ending.abort());
    connect(body, gate);
    let entry: FileEntry | null = null;
    try {
      entry = await this.engine.write(remote, path, gate, ending.signal, toldSize(body));
      return entry;
    } catch (error) {
      throw gate.errored ?? streamProblem(error);
    } finally {
      gate.destroy();
      this.listings.changed(remote.id, path, remote.parts);
      const resource = { type: 'remote', id: remote.id };
      const details = { path: displayPath(path), bytes: entry?.size ?? gate.bytes };
      const result = entry ? 'success' : 'error';
      await this.database
        .as(actor)
        .tx((tx) => this.audit.record(tx, { actor, action: 'remote.file_write', resource, result, details }));
    }
  }
}

const MB = 1_000_000;

/** Whichever of the two ends first takes the other with it. */
function tie(source: Readable, gate: Gate): void {
  // There may be a moment in which nobody else listens, and an error that nobody hears ends the process.
  gate.on('error', () => undefined);
  // Errors get their author here: the platform may see them before or after it has begun to answer.
  source.on('error', (error) => gate.destroy(streamProblem(error) as Error));
  source.once('close', () => {
    if (!source.readableEnded) gate.destroy(new LengthError());
  });
  gate.once('close', () => source.destroy());
  source.pipe(gate);
}

/** Neither is destroyed with the other: the answer goes over the connection of the body. */
function connect(body: IncomingMessage, gate: Gate): void {
  const gone = (): void => {
    if (!body.complete) gate.destroy(clientGone());
  };
  body.once('close', gone).on('error', gone);
  gate.once('close', () => {
    body.unpipe(gate);
    body.off('close', gone);
  });
  body.pipe(gate);
  if (body.destroyed) gone();
}

function refuseOtherBodies({ headers }: IncomingMessage, limitMb: number): void {
  if (headers['content-range'] !== undefined)
    throw UserError.malformed('A part of a file cannot be written; send all of it.', [], 'content_range');
  const coding = headers['content-encoding'] ?? 'identity';
  if (coding.toLowerCase() !== 'identity')
    throw new UserError(415, 'content_encoding', 'Send the file as it is, without Content-Encoding.');
  if (Number(headers['content-length'] ?? 0) > limitMb * MB) throw tooLarge(limitMb);
}

function refuseUnmet(
  { 'if-match': match, 'if-none-match': noneMatch }: IncomingHttpHeaders,
  before: FileEntry | null,
): void {
  if (match !== undefined && !(before && isListed(match, tagOf(before)))) throw UserError.stale('file');
  if (noneMatch !== undefined && before && isListed(noneMatch, tagOf(before)))
    throw new UserError(412, 'precondition_failed', 'There is a file at this path.');
}

const tooLarge = (limitMb: number): UserError =>
  new UserError(413, 'file_too_large', `A file may have at most ${limitMb} MB.`);
const clientGone = (): UserError =>
  UserError.malformed('The body ended before it was complete.', [], 'body_incomplete');
const stoodStill = (): UserError =>
  new UserError(408, 'transfer_idle', `Nothing moved for ${IDLE_MS / 1_000} seconds.`);

/** Some storages begin only when they know how much comes. */
function toldSize({ headers }: IncomingMessage): number | null {
  const told = headers['content-length'] ?? '';
  return /^\d{1,15}$/.test(told) ? Number(told) : null;
}
