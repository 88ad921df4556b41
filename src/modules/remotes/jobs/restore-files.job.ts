import type { Actor } from '../../../kernel/auth/index.js';
import type { Read } from '../../../kernel/database/index.js';
import { UserError } from '../../../kernel/http/index.js';
import { HandlesJob, JobHandler, defineJob, type JobContext } from '../../jobs/index.js';
import { currentOf, versionsOf } from '../backups/backup-layout.js';
import { BackupStore } from '../backups/backup-store.js';
import { restorePlan, type Layer, type RestorePlan } from '../backups/restore-plan.js';
import { MAX_FAILED_FILES, type TransferResult } from '../engine/transfer-engine.js';
import type { FileClaim } from './file-claims.js';
import { FILE_JOB, fitting, perDestination } from './file-job-policy.js';
import { restorePayload, type RestorePayload } from './file-job.schema.js';
import { FileJobs, refuseOverlap, type FileDesk } from './file-jobs.js';
import { placeOf } from './places.js';
import { together } from './together.js';

const claimsOf = ({ source, destination }: RestorePayload): FileClaim[] => [
  { side: 'source', place: source, rights: ['read'], writes: false, partly: 'refuse' },
  { side: 'destination', place: destination, rights: ['write'], writes: true, partly: 'refuse' },
];

/**
 * Copies one version of a backup, or `current`, to a place: the files as they were at the end of that run and no
 * others. Deletes nothing there. Safe to repeat: equal files are not copied again.
 */
@HandlesJob(
  defineJob({
    ...FILE_JOB,
    name: 'restore',
    summary: 'Copies the files of one version of a backup to a place. Deletes nothing.',
    payload: restorePayload,
    limits: perDestination,
    repeats: 'Files that are not yet equal at the destination; equal ones are not copied again.',
  }),
)
export class RestoreFilesJob extends JobHandler<RestorePayload> {
  constructor(private readonly files: FileJobs) {
    super();
  }

  override async authorize(read: Read, actor: Actor, payload: RestorePayload): Promise<void> {
    const [source, destination] = await this.files.authorize(read, actor, claimsOf(payload));
    refuseOverlap(source!, destination!, true);
  }

  override async run(context: JobContext, payload: RestorePayload): Promise<object> {
    const { version = 'current', options = {} } = payload;
    const { bandwidthLimit, dryRun = false } = options;
    return this.files.run(context, { claims: claimsOf(payload), bandwidthLimit, dryRun }, async (desk) => {
      const result =
        version === 'current'
          ? await this.current(desk, payload)
          : await this.version(desk, context, payload, version);
      return fitting({ ...result, version });
    });
  }

  private async current(desk: FileDesk, { options = {} }: RestorePayload): Promise<TransferResult> {
    const source = desk.place('source');
    return desk.transfer({
      kind: 'copy',
      source: { ...placeOf(source), path: currentOf(source.path) },
      destination: placeOf(desk.place('destination')),
      options,
    });
  }

  private async version(
    desk: FileDesk,
    context: JobContext,
    { options = {} }: RestorePayload,
    version: string,
  ): Promise<TransferResult> {
    const source = desk.place('source');
    const store = new BackupStore(desk.engine, source.remote, source.path);
    const { steps, missing } = await planOf(store, version, context.signal);
    const total = steps.reduce((sum, { files }) => sum + files, 0);
    const results: TransferResult[] = [];
    let done = 0;
    for (const { folder, files, hidden } of steps) {
      const share = { from: done / total, to: (done + files) / total };
      const result = await desk.transfer(
        {
          kind: 'copy',
          source: { ...placeOf(source), path: folder },
          destination: placeOf(desk.place('destination')),
          // With a list of what is meant no empty folders are made: one could stand where a file belongs.
          options: { ...options, include: options.include ?? ['**'], hidden: [...hidden] },
        },
        share,
      );
      results.push(result);
      done += files;
    }
    if (missing.length > 0) throw incomplete(missing, context);
    return together(results, options.dryRun === true);
  }
}

async function planOf(store: BackupStore, version: string, signal: AbortSignal): Promise<RestorePlan> {
  const { folders, manifests } = await store.versions();
  const manifest = manifests.find(({ stamp }) => stamp === version);
  if (!manifest)
    throw new UserError(404, 'version_not_found', `There is no version ${version} of this backup.`);
  const wanted = await store.readManifest(manifest);
  const later = folders.filter(({ stamp }) => stamp > version);
  const places = [...later.map(({ name }) => versionsOf(store.root, name)), currentOf(store.root)];
  const layers: Layer[] = [];
  for (const folder of places)
    layers.push({ folder, files: (await store.filesIn(folder, signal)).map(({ path }) => path) });
  return restorePlan(wanted, layers);
}

function incomplete(missing: readonly string[], { log }: JobContext): UserError {
  for (const path of missing.slice(0, MAX_FAILED_FILES))
    log('error', `${path}: it is in no folder of the backup any more`, { file: path });
  return new UserError(
    422,
    'version_incomplete',
    `${missing.length} files of the version are not in the backup any more; all others were restored.`,
  );
}
