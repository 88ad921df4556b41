import { Body, Controller, Delete, Get, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiHeader, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { CurrentActor, Requires, type UserActor } from '../../kernel/auth/index.js';
import type { Page } from '../../kernel/database/index.js';
import {
  IfMatch,
  NEEDS_IF_MATCH,
  Once,
  Returns,
  ReturnsNothing,
  idParam,
  tagged,
  type OnceRequest,
} from '../../kernel/http/index.js';
import {
  backfillBody,
  backfillView,
  type BackfillBody,
  type BackfillView,
} from './backfill/backfill.schema.js';
import { Backfills } from './backfill/backfills.js';
import { ManualRuns } from './manual-runs.js';
import { SchedulePreviews } from './schedule-previews.js';
import {
  createScheduleBody,
  listSchedulesQuery,
  pauseBody,
  previewBody,
  previewQuery,
  previewView,
  schedulePage,
  scheduleView,
  slotPage,
  slotView,
  slotsQuery,
  updateScheduleBody,
  type CreateScheduleBody,
  type ListSchedulesQuery,
  type PauseBody,
  type PreviewBody,
  type PreviewQuery,
  type PreviewView,
  type ScheduleView,
  type SlotView,
  type SlotsQuery,
  type UpdateScheduleBody,
} from './schedules.schema.js';
import { SchedulesService } from './schedules.service.js';

type Id = { id: string };

@ApiTags('Schedules')
@Controller('api/schedules')
export class SchedulesController {
  constructor(
    private readonly schedules: SchedulesService,
    private readonly previews: SchedulePreviews,
    private readonly runs: ManualRuns,
    private readonly backfills: Backfills,
  ) {}

  @Post()
  @Requires('user', 'schedules:write')
  @Returns(201, scheduleView, 'The new schedule. Location names it.')
  async create(
    @CurrentActor() actor: UserActor,
    @Body({ schema: createScheduleBody }) body: CreateScheduleBody,
    @Once() once: OnceRequest | null,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ScheduleView> {
    const schedule = tagged(reply, await this.schedules.create(actor, body, once));
    void reply.header('Location', `/api/schedules/${schedule.id}`);
    return schedule;
  }

  @Get()
  @Requires('user', 'schedules:read')
  @Returns(200, schedulePage, "The caller's schedules, newest first; admins may ask for those of others.")
  list(
    @CurrentActor() actor: UserActor,
    @Query({ schema: listSchedulesQuery }) query: ListSchedulesQuery,
  ): Promise<Page<ScheduleView>> {
    return this.schedules.list(actor, query);
  }

  @Post('preview')
  @Requires('user', 'schedules:read')
  @Returns(200, previewView, 'When a schedule with this timing would run, before jitter.')
  preview(
    @CurrentActor() actor: UserActor,
    @Body({ schema: previewBody }) body: PreviewBody,
  ): Promise<PreviewView> {
    return this.previews.ofTiming(actor, body);
  }

  @Get(':id')
  @Requires('user', 'schedules:read')
  @Returns(200, scheduleView, 'One schedule.')
  async get(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: Id,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ScheduleView> {
    return tagged(reply, await this.schedules.get(actor, id));
  }

  @Patch(':id')
  @Requires('user', 'schedules:write')
  @ApiHeader(NEEDS_IF_MATCH)
  @Returns(200, scheduleView, 'The schedule after the change; a changed timing counts from now.')
  async update(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: Id,
    @IfMatch() version: number | null,
    @Body({ schema: updateScheduleBody }) body: UpdateScheduleBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ScheduleView> {
    return tagged(reply, await this.schedules.update(actor, id, version, body));
  }

  @Delete(':id')
  @Requires('user', 'schedules:write')
  @ApiHeader(NEEDS_IF_MATCH)
  @ReturnsNothing('Deleted with its slots; jobs it has made stay and run.')
  delete(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: Id,
    @IfMatch() version: number | null,
  ): Promise<void> {
    return this.schedules.delete(actor, id, version);
  }

  @Get(':id/preview')
  @Requires('user', 'schedules:read')
  @Returns(200, previewView, 'When it will run: exactly what the scheduler plans.')
  previewOf(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: Id,
    @Query({ schema: previewQuery }) query: PreviewQuery,
  ): Promise<PreviewView> {
    return this.previews.ofRule(actor, id, query);
  }

  @Get(':id/slots')
  @Requires('user', 'schedules:read')
  @Returns(200, slotPage, 'The ledger, newest first: every planned instant, its outcome and its job.')
  slots(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: Id,
    @Query({ schema: slotsQuery }) query: SlotsQuery,
  ): Promise<Page<SlotView>> {
    return this.schedules.slotsOf(actor, id, query);
  }

  @Post(':id/run')
  @Requires('user', 'schedules:write')
  @Returns(
    202,
    slotView,
    'Accepted: its job will run, or waits for the one before it where the overlap policy says so (no jobId yet). 409 while another one has not ended and may not overlap.',
  )
  async run(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: Id,
    @Once() once: OnceRequest | null,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SlotView> {
    const slot = await this.runs.run(actor, id, once);
    if (slot.jobId !== null) void reply.header('Location', `/api/jobs/${slot.jobId}`);
    return slot;
  }

  @Post(':id/backfill')
  @Requires('user', 'schedules:write')
  @Returns(202, backfillView, 'Accepted: these instants of the past run now, each of them once.')
  @ApiResponse({ status: 200, description: 'A dry run: nothing is done.', standardSchema: backfillView })
  async backfill(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: Id,
    @Body({ schema: backfillBody }) body: BackfillBody,
    @Once() once: OnceRequest | null,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<BackfillView> {
    if (body.dryRun) void reply.status(200);
    return this.backfills.run(actor, id, body, once);
  }

  @Post(':id/pause')
  @Requires('user', 'schedules:write')
  @Returns(200, scheduleView, 'Paused; jobs that it has made go on.')
  async pause(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: Id,
    @Body({ schema: pauseBody }) body: PauseBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ScheduleView> {
    return tagged(reply, await this.schedules.pause(actor, id, body));
  }

  @Post(':id/resume')
  @Requires('user', 'schedules:write')
  @Returns(200, scheduleView, 'Active; goes on with the next instant from now.')
  async resume(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: Id,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ScheduleView> {
    return tagged(reply, await this.schedules.resume(actor, id));
  }
}
