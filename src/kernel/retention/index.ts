export { RetentionModule } from './retention.module.js';
export {
  Months,
  type RetentionContext,
  type RetentionReport,
  type RetentionTask,
  RetentionTasks,
} from './retention-tasks.js';
