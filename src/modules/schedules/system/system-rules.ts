import type { Routine } from '../../jobs/index.js';
import { UserError } from '../../../kernel/http/index.js';
import type { ScheduleRuleEntity } from '../schedule-rule.entity.js';
import type { UpdateScheduleBody } from '../schedules.schema.js';

/** What a job type asks to be run by itself. The name of the type is the key of its rule. */
export interface SystemJob {
  readonly type: string;
  readonly summary: string;
  readonly routine: Routine;
}

/** What a release decides of its own rules; the rest is for admins. */
const OF_THE_RELEASE = [
  'name',
  'description',
  'jobTemplate',
  'overlapPolicy',
  'maxRuns',
  'pauseAfterFailures',
] as const satisfies readonly (keyof UpdateScheduleBody)[];

/** When they run, and whether, is for admins; what they do, and that they are there, is not. */
export function refuseForeignChanges(
  { systemKey }: Pick<ScheduleRuleEntity, 'systemKey'>,
  changes: UpdateScheduleBody,
): void {
  if (systemKey === null) return;
  const errors = OF_THE_RELEASE.filter((field) => changes[field] !== undefined).map((field) => ({
    pointer: `/${field}`,
    code: 'of_the_system',
    detail: 'cannot be changed: the schedule belongs to Steward itself',
  }));
  if ((changes.exclusions?.calendarIds ?? []).length > 0)
    errors.push({
      pointer: '/exclusions/calendarIds',
      code: 'of_the_system',
      detail: 'calendars belong to people, and the schedule to Steward itself; name the days',
    });
  if (errors.length > 0)
    throw UserError.malformed('Of a schedule of the system only its timing can be changed.', errors);
}

export function refuseRemoval({ systemKey }: Pick<ScheduleRuleEntity, 'systemKey'>): void {
  if (systemKey !== null)
    throw UserError.conflict(
      'schedule_of_system',
      'This schedule belongs to Steward itself and cannot be deleted; it can be paused.',
    );
}
