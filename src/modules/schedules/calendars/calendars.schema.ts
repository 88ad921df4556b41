import { z } from 'zod';
import { instantOut, nameOf, oneOf, pageOf, pageQuery, uuid } from '../../../kernel/http/index.js';
import { MAX_DATES, WEEKDAY_NAMES } from '../core/index.js';

/** Which days a name stands for is the planner's matter, so that it can say what was probably meant. */
export const datesIn = z
  .array(z.string({ error: 'must be a text' }).max(100))
  .max(MAX_DATES)
  .describe(
    'Local days: 2026-12-25, --12-25 for every year, or a range such as 2026-12-24/2027-01-02 or --12-24/--01-02.',
  );
export const weekdaysIn = z
  .array(z.string({ error: 'must be a text' }).max(100))
  .max(7)
  .meta({
    description: `Days of the week: ${WEEKDAY_NAMES.join(', ')}.`,
  });

/** Spaces around it are taken off. */
const name = z.string({ error: 'must be a text' }).trim().pipe(nameOf(255));
const description = z.string().max(4000).nullable().optional();

export const createCalendarBody = z.strictObject({
  name,
  description,
  dates: datesIn.optional(),
  weekdays: weekdaysIn.optional(),
});
export type CreateCalendarBody = z.output<typeof createCalendarBody>;

export const updateCalendarBody = z.strictObject({
  name: name.optional(),
  description,
  dates: datesIn.optional().describe('Replaced as a whole.'),
  weekdays: weekdaysIn.optional().describe('Replaced as a whole.'),
});
export type UpdateCalendarBody = z.output<typeof updateCalendarBody>;

export const listCalendarsQuery = z.strictObject({
  ...pageQuery,
  userId: uuid.optional().describe('Admins only.'),
  all: oneOf(['true', 'false']).optional().describe("Admins only: everybody's calendars."),
});
export type ListCalendarsQuery = z.output<typeof listCalendarsQuery>;

export const calendarView = z
  .object({
    id: uuid,
    userId: uuid,
    name: z.string(),
    description: z.string().nullable(),
    dates: z.array(z.string()),
    weekdays: z.array(z.string()),
    createdAt: instantOut,
    updatedAt: instantOut,
  })
  .meta({ id: 'Calendar' });
export type CalendarView = z.output<typeof calendarView>;
export const calendarPage = pageOf(calendarView);
