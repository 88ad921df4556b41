import { Body, Controller, Delete, Get, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiHeader, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { CurrentActor, Requires, type UserActor } from '../../../kernel/auth/index.js';
import type { Page } from '../../../kernel/database/index.js';
import {
  IfMatch,
  NEEDS_IF_MATCH,
  Once,
  Returns,
  ReturnsNothing,
  idParam,
  tagged,
  type OnceRequest,
} from '../../../kernel/http/index.js';
import {
  calendarPage,
  calendarView,
  createCalendarBody,
  listCalendarsQuery,
  updateCalendarBody,
  type CalendarView,
  type CreateCalendarBody,
  type ListCalendarsQuery,
  type UpdateCalendarBody,
} from './calendars.schema.js';
import { CalendarsService } from './calendars.service.js';

type Id = { id: string };

@ApiTags('Schedules')
@Controller('api/calendars')
export class CalendarsController {
  constructor(private readonly calendars: CalendarsService) {}

  @Post()
  @Requires('user', 'schedules:write')
  @Returns(201, calendarView, 'The new calendar, for schedules of its owner. Location names it.')
  async create(
    @CurrentActor() actor: UserActor,
    @Body({ schema: createCalendarBody }) body: CreateCalendarBody,
    @Once() once: OnceRequest | null,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CalendarView> {
    const calendar = tagged(reply, await this.calendars.create(actor, body, once));
    void reply.header('Location', `/api/calendars/${calendar.id}`);
    return calendar;
  }

  @Get()
  @Requires('user', 'schedules:read')
  @Returns(200, calendarPage, "The caller's calendars, newest first; admins may ask for those of others.")
  list(
    @CurrentActor() actor: UserActor,
    @Query({ schema: listCalendarsQuery }) query: ListCalendarsQuery,
  ): Promise<Page<CalendarView>> {
    return this.calendars.list(actor, query);
  }

  @Get(':id')
  @Requires('user', 'schedules:read')
  @Returns(200, calendarView, 'One calendar.')
  async get(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: Id,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CalendarView> {
    return tagged(reply, await this.calendars.get(actor, id));
  }

  @Patch(':id')
  @Requires('user', 'schedules:write')
  @ApiHeader(NEEDS_IF_MATCH)
  @Returns(200, calendarView, 'The calendar after the change, which counts from the next planned instant.')
  async update(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: Id,
    @IfMatch() version: number | null,
    @Body({ schema: updateCalendarBody }) body: UpdateCalendarBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CalendarView> {
    return tagged(reply, await this.calendars.update(actor, id, version, body));
  }

  @Delete(':id')
  @Requires('user', 'schedules:write')
  @ApiHeader(NEEDS_IF_MATCH)
  @ReturnsNothing('Deleted. 409 naming the schedules that leave its days out.')
  delete(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: Id,
    @IfMatch() version: number | null,
  ): Promise<void> {
    return this.calendars.delete(actor, id, version);
  }
}
