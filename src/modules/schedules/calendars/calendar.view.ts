import type { CalendarEntity } from './calendar.entity.js';
import type { CalendarView } from './calendars.schema.js';

export function toCalendarView(calendar: CalendarEntity): CalendarView {
  return {
    id: calendar.id,
    userId: calendar.userId,
    name: calendar.name,
    description: calendar.description,
    dates: calendar.dates,
    weekdays: calendar.weekdays,
    createdAt: calendar.createdAt.toISOString(),
    updatedAt: calendar.updatedAt.toISOString(),
  };
}
