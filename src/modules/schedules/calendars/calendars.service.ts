import { Injectable } from '@nestjs/common';
import type { UserActor } from '../../../kernel/auth/index.js';
import {
  Database,
  newId,
  toPage,
  violatedUnique,
  type Page,
  type Read,
  type Tx,
} from '../../../kernel/database/index.js';
import {
  Idempotency,
  UserError,
  requireVersion,
  type OnceRequest,
  type Versioned,
} from '../../../kernel/http/index.js';
import { AuditService } from '../../audit/index.js';
import { parseDays, type NamedDays } from '../core/index.js';
import { fieldErrorOf } from '../field-error.js';
import { schedulesPolicy } from '../schedules.policy.js';
import type { CalendarEntity } from './calendar.entity.js';
import { toCalendarView } from './calendar.view.js';
import { CalendarsRepository, NAME_UNIQUE } from './calendars.repository.js';
import type {
  CalendarView,
  CreateCalendarBody,
  ListCalendarsQuery,
  UpdateCalendarBody,
} from './calendars.schema.js';

type Calendar = Versioned<CalendarView>;

/** As many rules as a refusal names. */
const NAMED_RULES = 10;

/**
 * Calendars as people keep them. Only the owner and admins know that one exists (404 for others), and only rules of
 * its owner may name it. A change counts from the next instant that is planned; what is in the ledger stays. One that
 * rules name cannot be deleted (409 `calendar_in_use`): a rule that begins to name it holds it against a deletion, a
 * deletion holds it against such rules, so one of the two comes first and the other one sees it.
 */
@Injectable()
export class CalendarsService {
  constructor(
    private readonly database: Database,
    private readonly calendars: CalendarsRepository,
    private readonly audit: AuditService,
    private readonly idempotency: Idempotency,
  ) {}

  /** 400 naming every day that is none; 409 `calendar_name_taken`. */
  async create(actor: UserActor, input: CreateCalendarBody, once: OnceRequest | null): Promise<Calendar> {
    return this.database.as(actor).tx((tx) =>
      this.idempotency.once(tx, actor.userId, once, async () => {
        const { name, description = null, dates = [], weekdays = [] } = input;
        requireDays({ dates, weekdays });
        const row = { id: newId(), userId: actor.userId, name, description, dates, weekdays };
        await takenAsConflict(this.calendars.insert(tx, row));
        await this.record(tx, actor, 'calendar.create', row.id, counts(row));
        return this.present(tx, row.id);
      }),
    );
  }

  async list(actor: UserActor, { userId, all, ...page }: ListCalendarsQuery): Promise<Page<CalendarView>> {
    if ((userId !== undefined || all !== undefined) && !schedulesPolicy.listOthers(actor))
      throw UserError.forbidden('Only admins may list the calendars of others.');
    const whose = all === 'true' ? undefined : (userId ?? actor.userId);
    const rows = await this.calendars.page(this.database.as(actor).read, { ...page, userId: whose });
    return toPage(rows, page.limit, toCalendarView);
  }

  async get(actor: UserActor, id: string): Promise<Calendar> {
    return versioned(permitted(actor, await this.calendars.find(this.database.as(actor).read, id)));
  }

  /** Changes what is given and leaves the rest. */
  async update(
    actor: UserActor,
    id: string,
    expected: number | null,
    changes: UpdateCalendarBody,
  ): Promise<Calendar> {
    return this.database.as(actor).tx(async (tx) => {
      const before = permitted(actor, await this.calendars.findForUpdate(tx, id));
      requireVersion('calendar', expected, before.version);
      const given = Object.entries(changes).filter(([, value]) => value !== undefined);
      if (given.length === 0) return versioned(before);
      const { name, description, dates, weekdays } = before;
      const after = { name, description, dates, weekdays, ...Object.fromEntries(given) };
      requireDays(after);
      await takenAsConflict(this.calendars.update(tx, id, after));
      const fields = given.map(([field]) => field).toSorted();
      await this.record(tx, actor, 'calendar.update', id, { fields, ...counts(after) });
      return this.present(tx, id);
    });
  }

  /** 409 naming the rules that leave its days out. */
  async delete(actor: UserActor, id: string, expected: number | null): Promise<void> {
    await this.database.as(actor).tx(async (tx) => {
      const calendar = permitted(actor, await this.calendars.findForUpdate(tx, id));
      requireVersion('calendar', expected, calendar.version);
      const users = await this.calendars.usersOf(tx, id, NAMED_RULES + 1);
      if (users.length > 0) throw inUse(users);
      await this.calendars.delete(tx, id);
      await this.record(tx, actor, 'calendar.delete', id, counts(calendar));
    });
  }

  /**
   * For a rule of `userId` that names these: 400 naming each that is not theirs. Those that are cannot be deleted
   * until the transaction ends.
   */
  async require(tx: Tx, userId: string, ids: readonly string[], pointer: string): Promise<void> {
    if (ids.length === 0) return;
    const known = await this.calendars.keep(tx, userId, ids);
    const errors = ids.flatMap((id, index) =>
      known.has(id)
        ? []
        : [
            {
              pointer: `${pointer}/${index}`,
              code: 'unknown_calendar',
              detail: 'is not a calendar of its owner',
            },
          ],
    );
    if (errors.length > 0) throw UserError.fields(errors);
  }

  private async record(
    tx: Tx,
    actor: UserActor,
    action: string,
    id: string,
    details: Record<string, unknown>,
  ): Promise<void> {
    await this.audit.record(tx, { actor, action, resource: { type: 'calendar', id }, details });
  }

  private async present(read: Read, id: string): Promise<Calendar> {
    const calendar = await this.calendars.find(read, id);
    if (!calendar) throw new Error(`calendar ${id} vanished inside its own transaction`);
    return versioned(calendar);
  }
}

const versioned = (calendar: CalendarEntity): Calendar => ({
  version: calendar.version,
  body: toCalendarView(calendar),
});

const counts = ({ dates, weekdays }: NamedDays) => ({ dates: dates.length, weekdays: weekdays.length });

function permitted(actor: UserActor, calendar: CalendarEntity | null): CalendarEntity {
  if (!calendar || !schedulesPolicy.access(actor, calendar)) throw UserError.notFound('calendar');
  return calendar;
}

function requireDays(named: NamedDays): void {
  const parsed = parseDays(named);
  if (parsed.ok) return;
  throw UserError.fields(parsed.errors.map((error) => fieldErrorOf(error, 'invalid_day')));
}

/** The unique key decides who of several was first; looking beforehand could not. */
async function takenAsConflict(write: Promise<void>): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (violatedUnique(error) !== NAME_UNIQUE) throw error;
    throw UserError.conflict('calendar_name_taken', 'Another calendar of its owner has this name.', [
      { pointer: '/name', code: 'calendar_name_taken', detail: 'is already in use' },
    ]);
  }
}

function inUse(users: readonly { readonly id: string; readonly name: string }[]): UserError {
  const named = users.slice(0, NAMED_RULES).map(({ id, name }) => `"${name}" (${id})`);
  const more = users.length > NAMED_RULES ? ' and others' : '';
  return UserError.conflict('calendar_in_use', `Schedules leave its days out: ${named.join(', ')}${more}.`);
}
