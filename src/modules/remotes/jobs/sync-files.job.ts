import type { Actor } from '../../../kernel/auth/index.js';
import type { Read } from '../../../kernel/database/index.js';
import { HandlesJob, JobHandler, defineJob, type JobContext } from '../../jobs/index.js';
import type { FileClaim } from './file-claims.js';
import { FILE_JOB, fitting, perDestination, protection } from './file-job-policy.js';
import { syncPayload, type SyncPayload } from './file-job.schema.js';
import { FileJobs, refuseOverlap } from './file-jobs.js';
import { placeOf } from './places.js';

const claimsOf = ({ source, destination }: SyncPayload): FileClaim[] => [
  { side: 'source', place: source, rights: ['read'], writes: false, partly: 'refuse' },
  { side: 'destination', place: destination, rights: ['write', 'delete'], writes: true, partly: 'refuse' },
];

/**
 * Safe to repeat: it goes on from what is there. Rules that hide part of either side refuse it whole: what cannot be
 * seen at the source would be deleted at the destination.
 */
@HandlesJob(
  defineJob({
    ...FILE_JOB,
    name: 'sync',
    summary: 'Makes a folder equal to another one: what only the destination has is deleted.',
    payload: syncPayload,
    limits: perDestination,
    repeats: 'Files that are not yet equal, and deletions that were not made yet.',
  }),
)
export class SyncFilesJob extends JobHandler<SyncPayload> {
  constructor(private readonly files: FileJobs) {
    super();
  }

  override async authorize(read: Read, actor: Actor, payload: SyncPayload): Promise<void> {
    const [source, destination] = await this.files.authorize(read, actor, claimsOf(payload));
    refuseOverlap(source!, destination!, true);
  }

  override async run(context: JobContext, payload: SyncPayload): Promise<object> {
    const { allowMassDelete, ...options } = payload.options ?? {};
    const { bandwidthLimit, dryRun = false } = options;
    return this.files.run(context, { claims: claimsOf(payload), bandwidthLimit, dryRun }, async (desk) =>
      fitting(
        await desk.transfer({
          kind: 'sync',
          source: placeOf(desk.place('source')),
          destination: placeOf(desk.place('destination')),
          options,
          protection: protection(allowMassDelete),
        }),
      ),
    );
  }
}
