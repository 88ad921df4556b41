export { type Backoff } from './engine/backoff.js';
export {
  defineJob,
  HandlesJob,
  type JobContext,
  type JobDefinition,
  type JobFence,
  JobHandler,
  type JobLogLevel,
  PostponeError,
  type Routine,
} from './definition/define-job.js';
export { JOB_ENDED_EVENTS, type JobEndedData, type JobEndedEvent } from './jobs.events.js';
export type { JobRequest } from './jobs-creation.js';
export { jobRequest } from './jobs.schema.js';
export { JobsModule } from './jobs.module.js';
export { JobsService } from './jobs.service.js';
export { type Archive } from './retention/archives.repository.js';
export { ArchivesService } from './retention/archives.service.js';
