import { z } from 'zod';

/** As it will be asked for, without a query: what the server compares is the path of the request line. */
const path = z
  .string({ error: 'must be a text' })
  .max(2048)
  .regex(
    /^(\/api\/[\x21-\x22\x24-\x3e\x40-\x7e]+|\/admin\/queues)$/,
    'must be a path of this API without a query, such as /api/events, or /admin/queues',
  );

export const newTicketIn = z
  .strictObject({
    /** Left out: any route that takes tickets. */
    path: path.optional(),
  })
  .prefault({});

export const ticketView = z
  .object({
    ticket: z.string().describe('For `?ticket=` of one GET request.'),
    expiresIn: z.int().describe('Seconds.'),
  })
  .meta({ id: 'Ticket' });

export type NewTicketIn = z.output<typeof newTicketIn>;
export type TicketView = z.output<typeof ticketView>;
