import type { Actor } from '../../../kernel/auth/index.js';
import type { Read } from '../../../kernel/database/index.js';
import { UserError } from '../../../kernel/http/index.js';
import { HandlesJob, JobHandler, defineJob, type JobContext } from '../../jobs/index.js';
import { currentOf, folderName, versionsOf, CURRENT, VERSIONS } from '../backups/backup-layout.js';
import { BACKUP_STAMP, stampAfter } from '../backups/backup-stamp.js';
import { BackupStore, type Versions } from '../backups/backup-store.js';
import { removesAnything } from '../backups/retention.js';
import { tidyVersions } from '../backups/tidy-versions.js';
import { baseName, parseRemotePath } from '../remote-path.js';
import type { FileClaim } from './file-claims.js';
import { FILE_JOB, fitting, perDestination, protection } from './file-job-policy.js';
import { backupPayload, type BackupPayload } from './file-job.schema.js';
import { FileJobs, refuseOverlap, type FileDesk } from './file-jobs.js';
import { hiddenOf, placeOf } from './places.js';

/** Kept in the job: under which name in `versions` its run puts aside what it takes out of `current`. */
interface BackupRun {
  readonly stamp: string;
  /** Attempts before this one under the same stamp: each has a folder of its own, so that none overwrites another's. */
  readonly repeat: number;
}

/** Moving and finding out what is there; the rest is for the manifest and the versions that go. */
const TRANSFER_SHARE = { from: 0, to: 0.95 };

const DELETE = ['delete'] as const;

const nameOf = ({ source, options }: BackupPayload): string =>
  options?.name ?? (baseName(parseRemotePath(source.path)) || 'files');

function claimsOf(payload: BackupPayload): FileClaim[] {
  const { source, destination, options = {} } = payload;
  const name = nameOf(payload);
  const into = { side: 'destination', place: destination, writes: true, partly: 'refuse' } as const;
  return [
    { side: 'source', place: source, rights: ['read'], writes: false, partly: 'leave' },
    { ...into, below: name, rights: ['write'] },
    ...(options.mirror === true ? [{ ...into, below: `${name}/${CURRENT}`, rights: DELETE }] : []),
    ...(removesAnything(options) ? [{ ...into, below: `${name}/${VERSIONS}`, rights: DELETE }] : []),
  ];
}

/**
 * Copies into `<destination>/<name>/current` and keeps what that replaces as a version. Safe to repeat: a run keeps
 * its version through all its attempts, unless another run has come between them, and puts nothing aside twice.
 */
@HandlesJob(
  defineJob({
    ...FILE_JOB,
    name: 'backup',
    summary: 'Copies a folder into a backup that keeps what it replaces as versions.',
    payload: backupPayload,
    limits: perDestination,
    repeats: 'Files that are not yet equal; what was put aside already stays where it is.',
  }),
)
export class BackupFilesJob extends JobHandler<BackupPayload> {
  constructor(private readonly files: FileJobs) {
    super();
  }

  override async authorize(read: Read, actor: Actor, payload: BackupPayload): Promise<void> {
    const [source, destination] = await this.files.authorize(read, actor, claimsOf(payload));
    refuseOverlap(source!, destination!, true);
  }

  override async run(context: JobContext, payload: BackupPayload): Promise<object> {
    const { bandwidthLimit, dryRun = false } = payload.options ?? {};
    return this.files.run(context, { claims: claimsOf(payload), bandwidthLimit, dryRun }, (desk) =>
      this.back(context, desk, payload),
    );
  }

  private async back(context: JobContext, desk: FileDesk, payload: BackupPayload): Promise<object> {
    const {
      name: _name,
      mirror = false,
      allowMassDelete,
      keepLast,
      keepDaily,
      keepWeekly,
      keepMonthly,
      ...options
    } = payload.options ?? {};
    const [source, destination] = [desk.place('source'), desk.place('destination')];
    const store = new BackupStore(desk.engine, destination.remote, destination.path);
    const run = await runOf(desk, context.jobId, await store.versions());
    const isDry = options.dryRun === true;
    if (!isDry) {
      await desk.keep({ backup: run });
      // Of an attempt that came so far and failed then: what this one changes would not be in its folders.
      await store.removeManifests(run.stamp);
    }
    const result = await desk.transfer(
      {
        kind: 'backup',
        source: placeOf(source),
        destination: { ...placeOf(destination), path: currentOf(destination.path) },
        versions: versionsOf(destination.path, folderName(run.stamp, run.repeat)),
        mirror,
        options: { ...options, ...hiddenOf(source) },
        protection: protection(allowMassDelete),
      },
      TRANSFER_SHARE,
    );
    const { stamp: version } = run;
    if (isDry) return fitting({ ...result, version, removedVersions: [] });
    const { files, bytes } = await store.writeManifest(version, context.jobId, context.signal);
    context.log('info', `Version ${version}: ${files} files, ${bytes} bytes`, { version, files, bytes });
    const removedVersions = await tidyVersions({
      store,
      rules: { keepLast, keepDaily, keepWeekly, keepMonthly },
      signal: context.signal,
      transfer: (operation) => desk.transfer(operation, { from: TRANSFER_SHARE.to, to: 1 }),
      log: (message) => context.log('info', message),
    });
    return fitting({ ...result, version, removedVersions });
  }
}

/**
 * Later than everything that others have put aside or left, whatever the clocks say: what this run puts aside is how
 * they have left it. So an attempt that comes after another run begins a version of its own, and each attempt has a
 * folder that nobody has had before.
 */
async function runOf(desk: FileDesk, jobId: string, { folders, manifests }: Versions): Promise<BackupRun> {
  const { backup: own } = desk.kept as { backup?: BackupRun };
  const last =
    [...folders, ...manifests]
      .map(({ stamp }) => stamp)
      .toSorted()
      .at(-1) ?? null;
  if (own && isNewest(own, jobId, last, manifests)) {
    const used = folders.filter(({ stamp }) => stamp === own.stamp).map(({ repeat }) => repeat);
    return { stamp: own.stamp, repeat: Math.max(own.repeat, ...used) + 1 };
  }
  const stamp = stampAfter(await desk.now(), last);
  if (BACKUP_STAMP.test(stamp)) return { stamp, repeat: 0 };
  throw new UserError(422, 'version_unusable', `No version can come after ${last}; rename its folder.`);
}

/** Of two runs that begin within one second and leave nothing, both may have the same stamp until one has ended. */
function isNewest(
  own: BackupRun,
  jobId: string,
  last: string | null,
  manifests: Versions['manifests'],
): boolean {
  const isOthers = manifests.some((one) => one.stamp === own.stamp && one.jobId !== jobId);
  return !isOthers && (last === null || own.stamp >= last);
}
