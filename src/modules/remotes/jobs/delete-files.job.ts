import type { Actor } from '../../../kernel/auth/index.js';
import type { Read } from '../../../kernel/database/index.js';
import { UserError } from '../../../kernel/http/index.js';
import { HandlesJob, JobHandler, defineJob, type JobContext } from '../../jobs/index.js';
import { ROOT, parseRemotePath } from '../remote-path.js';
import type { FileClaim } from './file-claims.js';
import { FILE_JOB, fitting } from './file-job-policy.js';
import { deletePayload, type DeletePayload } from './file-job.schema.js';
import { FileJobs } from './file-jobs.js';
import { hiddenOf, placeOf } from './places.js';

const isRoot = ({ target }: DeletePayload): boolean => parseRemotePath(target.path) === ROOT;

const claimsOf = (payload: DeletePayload): FileClaim[] => [
  {
    side: 'target',
    place: payload.target,
    rights: isRoot(payload) ? ['delete', 'admin'] : ['delete'],
    writes: true,
    partly: 'leave',
  },
];

/**
 * Safe to repeat: what is gone stays gone. Everything of a remote is deleted only for who manages it and says so
 * explicitly. What rules hide is left alone, and so are the folders it is in.
 */
@HandlesJob(
  defineJob({
    ...FILE_JOB,
    name: 'delete',
    summary: 'Deletes a file, or a folder with everything in it.',
    payload: deletePayload,
    limits: { perKey: { jobs: 4, key: ({ target }) => target.remoteId, by: 'remote' } },
    repeats: 'Files that are still there.',
  }),
)
export class DeleteFilesJob extends JobHandler<DeletePayload> {
  constructor(private readonly files: FileJobs) {
    super();
  }

  override async authorize(read: Read, actor: Actor, payload: DeletePayload): Promise<void> {
    await this.files.authorize(read, actor, claimsOf(payload));
    const { allowMassDelete, dryRun } = payload.options ?? {};
    if (isRoot(payload) && dryRun !== true && allowMassDelete !== true)
      throw UserError.field(
        '/payload/options/allowMassDelete',
        'confirmation_required',
        'must be true to delete everything of a remote',
      );
  }

  override async run(context: JobContext, payload: DeletePayload): Promise<object> {
    const { allowMassDelete: _confirmed, ...options } = payload.options ?? {};
    const { dryRun = false } = options;
    return this.files.run(context, { claims: claimsOf(payload), dryRun }, async (desk) => {
      const target = desk.place('target');
      return fitting(
        await desk.transfer({
          kind: 'delete',
          target: placeOf(target),
          options: { ...options, ...hiddenOf(target) },
        }),
      );
    });
  }
}
