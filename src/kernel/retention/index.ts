export { RetentionModule } from './retention.module.js';
export {
  emptyReport,
  Months,
  type OpenReport,
  type RetentionContext,
  type RetentionReport,
  type RetentionTask,
  RetentionTasks,
} from './retention-tasks.js';
