import { z } from 'zod';
import type { Actor } from '../../kernel/auth/index.js';
import { Database, type Read } from '../../kernel/database/index.js';
import { UserError, uuid } from '../../kernel/http/index.js';
import { HandlesJob, type JobContext, JobHandler, PostponeError, defineJob } from '../jobs/index.js';
import {
  type EngineRemote,
  TransferEngine,
  TransferError,
  type TransferObserver,
} from './engine/transfer-engine.js';
import { FileListings } from './file-listings.js';
import {
  InvalidRemotePath,
  type RemotePath,
  isSameOrInside,
  joinRemotePath,
  parseRemotePath,
} from './remote-path.js';
import { remotePath } from './remotes.schema.js';
import { RemoteAccess } from './permissions/remote-access.js';
import { RemotesService } from './remotes.service.js';
import { transferProblem } from './transfer-problem.js';

/** While rclone is missing a copy waits and asks again this often; the engine looks for it no more often either. */
const LOOK_AGAIN_SECONDS = 30;

/** Copies into one remote at the same time, over all processes: more only share its bandwidth and its limits. */
const COPIES_PER_DESTINATION = 4;

const place = z.strictObject({ remoteId: uuid, path: remotePath });
const patterns = z
  .array(
    z
      .string()
      .min(1)
      .max(1_000)
      .refine((value) => !/[\r\n]/.test(value), 'must be one line'),
  )
  .max(100);

const copyPayload = z.strictObject({
  source: place,
  destination: place,
  options: z
    .strictObject({
      include: patterns.optional().describe('rclone filter patterns; only matching files are copied.'),
      exclude: patterns
        .optional()
        .describe('A matching file is not copied, even when include matches it too.'),
      dryRun: z.boolean().optional().describe('Write nothing; log and count what would be copied.'),
      checksum: z.boolean().optional().describe('Compare by checksum instead of modification time.'),
      bandwidthLimit: z
        .number()
        .int()
        .min(1)
        .max(Number.MAX_SAFE_INTEGER)
        .optional()
        .describe('Bytes per second for the whole copy.'),
      transfers: z.number().int().min(1).max(8).optional().describe('Files copied at once.'),
    })
    .optional(),
});
type CopyPayload = z.output<typeof copyPayload>;

export const copyFiles = defineJob({
  name: 'copy',
  summary: 'Copies a file, or the content of a folder, from one remote to another. Deletes nothing.',
  payload: copyPayload,
  queue: 'files',
  maxRetries: 5,
  backoff: { kind: 'exponential', seconds: 30, maxSeconds: 3600 },
  timeoutSeconds: 86_400,
  hintSize: 1,
  limits: {
    perKey: {
      jobs: COPIES_PER_DESTINATION,
      key: ({ destination }) => destination.remoteId,
      by: 'destination remote',
    },
  },
  repeats: 'Files that are not yet equal at the destination; equal ones are not copied again.',
});

/**
 * Runs a copy through the engine. Safe to repeat: equal files are not copied again, so an attempt continues file
 * by file what an earlier one began. What would fail again in the same way fails at once, what may pass is tried
 * again, and without rclone the job waits without spending an attempt.
 */
@HandlesJob(copyFiles)
export class CopyFilesJob extends JobHandler<CopyPayload> {
  constructor(
    private readonly database: Database,
    private readonly engine: TransferEngine,
    private readonly remotes: RemotesService,
    private readonly access: RemoteAccess,
    private readonly listings: FileListings,
  ) {
    super();
  }

  /** The actor may read all of the source and write all of the destination, and the copy does not go into its own source. */
  override async authorize(read: Read, actor: Actor, payload: CopyPayload): Promise<void> {
    const [source, destination] = await this.places(read, actor, payload);
    const from = placeOf(source, payload.source.path, '/payload/source/path');
    const to = placeOf(destination, payload.destination.path, '/payload/destination/path');
    if (isSameOrInside(to, from))
      throw UserError.field('/payload/destination', 'overlap', 'is the source itself or lies in it');
  }

  override async run(context: JobContext, payload: CopyPayload): Promise<object> {
    const { source, destination, options = {} } = payload;
    const remotes = await this.places(this.database.as(context.actor).read, context.actor, payload);
    try {
      return await this.engine.transfer(
        remotes,
        {
          kind: 'copy',
          source: { remoteId: source.remoteId, path: parseRemotePath(source.path) },
          destination: { remoteId: destination.remoteId, path: parseRemotePath(destination.path) },
          options,
        },
        observerOf(context),
      );
    } catch (error) {
      throw failureOf(error, context);
    } finally {
      if (options.dryRun !== true) this.listings.changed(destination.remoteId);
    }
  }

  private async places(
    read: Read,
    actor: Actor,
    { source, destination }: CopyPayload,
  ): Promise<[source: EngineRemote, destination: EngineRemote]> {
    await this.whole(read, actor, source, 'read', 'source remote');
    await this.whole(read, actor, destination, 'write', 'destination remote');
    return [
      await this.remotes.forEngine(read, actor, source.remoteId, 'source remote', 'read'),
      await this.remotes.forEngine(read, actor, destination.remoteId, 'destination remote', 'write'),
    ];
  }

  /** Everything in it is the actor's to read or write: 404 or 403 otherwise. */
  private async whole(
    read: Read,
    actor: Actor,
    { remoteId, path }: CopyPayload['source'],
    action: 'read' | 'write',
    what: string,
  ): Promise<void> {
    const standing = await this.access.demandRight(read, actor, remoteId, action, what);
    const tree = standing.tree(action, parseRemotePath(path));
    if (tree.answer === 'all') return;
    throw UserError.forbidden(
      `The rules for you on this ${what} do not let you ${action} all of it: ${tree.rules.map((rule) => rule.path).join(', ')}.`,
      'remote_permission_required',
    );
  }
}

/** A path that is short enough by itself may be too long below the root of its remote. */
function placeOf({ root }: EngineRemote, path: string, pointer: string): RemotePath {
  try {
    return joinRemotePath(parseRemotePath(root), path);
  } catch (error) {
    if (!(error instanceof InvalidRemotePath)) throw error;
    throw UserError.field(
      pointer,
      error.reason,
      `cannot be used below the root of its remote: ${error.message}`,
    );
  }
}

function observerOf(context: JobContext): TransferObserver {
  return {
    signal: context.signal,
    isRepeated: context.retryCount > 0,
    onStart: () => undefined,
    onProgress: ({ percent, ...detail }) => context.progress(percent, detail),
    onLog: (level, message, details) => context.log(level, message, details),
  };
}

/** What the job's engine is to do with a failed copy. A cancelled one is thrown on: whoever stopped it knows why. */
function failureOf(error: unknown, context: JobContext): unknown {
  if (!(error instanceof TransferError) || error.kind === 'cancelled') return told(error, context);
  if (error.kind === 'unavailable') return new PostponeError(LOOK_AGAIN_SECONDS, error.message);
  return transferProblem(told(error, context));
}

/** A job that did not succeed has no result, so what was done goes into its log. */
function told(error: unknown, context: JobContext): unknown {
  if (!(error instanceof TransferError) || error.result === null) return error;
  const { result, possiblyPartial } = error;
  const { created: transferred, failed } = result.files;
  context.log(
    'warning',
    `Ended before it was done: ${transferred} files copied, ${failed} failed, ${possiblyPartial.length} may be incomplete`,
    { result, possiblyPartial },
  );
  return error;
}
