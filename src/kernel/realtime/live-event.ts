import { z } from 'zod';

/** Hub topic of what is shown while it passes and never stored, such as the progress of a job. */
export const LIVE_TOPIC = 'live';

const liveEvent = z.object({
  type: z.string(),
  channel: z.string(),
  /** Whose it is; null for the system's own, which only admins see. */
  userId: z.string().nullable(),
  subjectId: z.string(),
  data: z.record(z.string(), z.unknown()),
});
/** Like a stored event, but without a place in the order: a stream forwards it at once or not at all. */
export type LiveEvent = z.output<typeof liveEvent>;

/** Null for anything else: hub messages come from outside the process. */
export function asLiveEvent(message: object): LiveEvent | null {
  const parsed = liveEvent.safeParse(message);
  return parsed.success ? parsed.data : null;
}
