import type { Actor } from '../../../kernel/auth/index.js';
import type { Read } from '../../../kernel/database/index.js';
import { HandlesJob, JobHandler, defineJob, type JobContext } from '../../jobs/index.js';
import type { FileClaim } from './file-claims.js';
import { FILE_JOB, fitting, perDestination } from './file-job-policy.js';
import { copyPayload, type CopyPayload } from './file-job.schema.js';
import { FileJobs, refuseOverlap } from './file-jobs.js';
import { hiddenOf, placeOf, refuseHiddenFile } from './places.js';

const claimsOf = ({ source, destination }: CopyPayload): FileClaim[] => [
  { side: 'source', place: source, rights: ['read'], writes: false, partly: 'leave' },
  { side: 'destination', place: destination, rights: ['write'], writes: true, partly: 'leave' },
];

/** Safe to repeat: equal files are not copied again. What rules hide on either side is left alone. */
@HandlesJob(
  defineJob({
    ...FILE_JOB,
    name: 'copy',
    summary: 'Copies a file, or the content of a folder, from one remote to another. Deletes nothing.',
    payload: copyPayload,
    limits: perDestination,
    repeats: 'Files that are not yet equal at the destination; equal ones are not copied again.',
  }),
)
export class CopyFilesJob extends JobHandler<CopyPayload> {
  constructor(private readonly files: FileJobs) {
    super();
  }

  override async authorize(read: Read, actor: Actor, payload: CopyPayload): Promise<void> {
    const [source, destination] = await this.files.authorize(read, actor, claimsOf(payload));
    refuseOverlap(source!, destination!, false);
  }

  override async run(context: JobContext, payload: CopyPayload): Promise<object> {
    const { options = {} } = payload;
    const { bandwidthLimit, dryRun = false } = options;
    return this.files.run(context, { claims: claimsOf(payload), bandwidthLimit, dryRun }, async (desk) => {
      const [source, destination] = [desk.place('source'), desk.place('destination')];
      await refuseHiddenFile(desk.engine, source, destination);
      return fitting(
        await desk.transfer({
          kind: 'copy',
          source: placeOf(source),
          destination: placeOf(destination),
          options: { ...options, ...hiddenOf(source, destination) },
        }),
      );
    });
  }
}
