import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditModule } from '../audit/index.js';
import { JobsModule } from '../jobs/index.js';
import { UsersModule } from '../users/index.js';
import { Backfills } from './backfill/backfills.js';
import { CalendarDays } from './calendars/calendar-days.js';
import { CalendarEntity } from './calendars/calendar.entity.js';
import { CalendarsController } from './calendars/calendars.controller.js';
import { CalendarsRepository } from './calendars/calendars.repository.js';
import { CalendarsService } from './calendars/calendars.service.js';
import { ManualRuns } from './manual-runs.js';
import { RuleOwners } from './rule-owners.js';
import { RulePauses } from './rule-pauses.js';
import { SchedulePreviews } from './schedule-previews.js';
import { ScheduleJobEnds } from './schedule-job-ends.js';
import { ScheduleRuleEntity } from './schedule-rule.entity.js';
import { ScheduleSlotEntity } from './schedule-slot.entity.js';
import { ScheduleSlotsRepository } from './schedule-slots.repository.js';
import { ScheduleTicker } from './schedule-ticker.js';
import { SchedulesAccountRepository } from './schedules-account.repository.js';
import { SchedulesAccount } from './schedules.account.js';
import { SchedulesController } from './schedules.controller.js';
import { SchedulesRepository } from './schedules.repository.js';
import { SchedulesService } from './schedules.service.js';
import { SlotFiring } from './slot-firing.js';
import { SlotMaterialiser } from './slot-materialiser.js';
import { SlotsTogether } from './slots-together.js';
import { SystemSchedules } from './system/system-schedules.js';
import { TzReplanner } from './tz/tz-replanner.js';
import { ScheduleMetrics } from './watch/schedule-metrics.js';
import { SchedulerBeat } from './watch/scheduler-beat.js';
import { SchedulerWatch } from './watch/scheduler-watch.js';
import { SchedulersRepository } from './watch/schedulers.repository.js';

@Module({
  imports: [
    AuditModule,
    UsersModule,
    JobsModule,
    TypeOrmModule.forFeature([ScheduleRuleEntity, ScheduleSlotEntity, CalendarEntity]),
  ],
  controllers: [SchedulesController, CalendarsController],
  providers: [
    SchedulesService,
    SchedulePreviews,
    ManualRuns,
    RuleOwners,
    RulePauses,
    SlotFiring,
    Backfills,
    TzReplanner,
    CalendarsService,
    CalendarsRepository,
    CalendarDays,
    SchedulesAccount,
    SchedulesAccountRepository,
    SchedulesRepository,
    ScheduleSlotsRepository,
    SlotMaterialiser,
    SlotsTogether,
    SystemSchedules,
    ScheduleJobEnds,
    ScheduleTicker,
    SchedulersRepository,
    SchedulerBeat,
    SchedulerWatch,
    ScheduleMetrics,
  ],
  exports: [SchedulesService],
})
export class SchedulesModule {}
