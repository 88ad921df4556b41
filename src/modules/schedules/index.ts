export { SCHEDULE_PAUSED, type SchedulePausedData } from './schedules.events.js';
export { SchedulesModule } from './schedules.module.js';
export { createScheduleBody, type CreateScheduleBody, type ScheduleView } from './schedules.schema.js';
export { SchedulesService } from './schedules.service.js';
export {
  SCHEDULER_RECOVERED,
  SCHEDULER_STALLED,
  type SchedulerRecoveredData,
  type SchedulerStalledData,
} from './watch/watch.events.js';
