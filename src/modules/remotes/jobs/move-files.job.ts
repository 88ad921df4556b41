import type { Actor } from '../../../kernel/auth/index.js';
import type { Read } from '../../../kernel/database/index.js';
import { HandlesJob, JobHandler, defineJob, type JobContext } from '../../jobs/index.js';
import type { FileClaim } from './file-claims.js';
import { FILE_JOB, fitting, perDestination } from './file-job-policy.js';
import { movePayload, type MovePayload } from './file-job.schema.js';
import { FileJobs, refuseOverlap } from './file-jobs.js';
import { placeOf } from './places.js';

const claimsOf = ({ source, destination }: MovePayload): FileClaim[] => [
  { side: 'source', place: source, rights: ['read', 'delete'], writes: true, partly: 'refuse' },
  { side: 'destination', place: destination, rights: ['write'], writes: true, partly: 'refuse' },
];

/** Safe to repeat: a file is deleted at the source only when it is complete at the destination. */
@HandlesJob(
  defineJob({
    ...FILE_JOB,
    name: 'move',
    summary: 'Moves a file, or the content of a folder, from one remote to another.',
    payload: movePayload,
    limits: perDestination,
    repeats: 'Files that are still at the source; those that have arrived are not moved again.',
  }),
)
export class MoveFilesJob extends JobHandler<MovePayload> {
  constructor(private readonly files: FileJobs) {
    super();
  }

  override async authorize(read: Read, actor: Actor, payload: MovePayload): Promise<void> {
    const [source, destination] = await this.files.authorize(read, actor, claimsOf(payload));
    refuseOverlap(source!, destination!, false);
  }

  override async run(context: JobContext, payload: MovePayload): Promise<object> {
    const { options = {} } = payload;
    const { bandwidthLimit, dryRun = false } = options;
    return this.files.run(context, { claims: claimsOf(payload), bandwidthLimit, dryRun }, async (desk) =>
      fitting(
        await desk.transfer({
          kind: 'move',
          source: placeOf(desk.place('source')),
          destination: placeOf(desk.place('destination')),
          options,
        }),
      ),
    );
  }
}
