import { z } from 'zod';
import { instantIn, instantOut, textOf, uuid } from '../../../kernel/http/index.js';

export const queueParam = z.strictObject({ name: z.string().max(50) });

export const pauseQueueBody = z.strictObject({
  note: textOf(1, 1000)
    .refine((note) => note === '' || note.trim() !== '', 'must say something')
    .describe('Why, for everybody whose jobs wait.'),
  until: instantIn.optional().describe('Goes on by itself from this time on; absent: until resumed.'),
});
export type PauseQueueBody = z.output<typeof pauseQueueBody>;

const count = z.number().int().min(0);

export const pauseView = z.object({
  by: uuid.nullable().describe('Null when that person is erased.'),
  at: instantOut,
  note: z.string().nullable().describe('Null when whoever wrote it is erased.'),
  until: instantOut.nullable(),
});
export type PauseView = z.output<typeof pauseView>;

export const queueView = z
  .object({
    name: z.string(),
    depth: z.object({
      due: count.describe('Waiting, and may run now.'),
      later: count.describe('Waiting for a time or for the pause after a failure.'),
      queued: count.describe('Handed to the workers.'),
      running: count,
      exact: z
        .boolean()
        .describe(
          'False: due or later is more than 10,000 and was counted within the last minutes, or is the least it can be.',
        ),
    }),
    oldestWaitingSeconds: z
      .number()
      .min(0)
      .nullable()
      .describe(
        'How long the oldest due job has been due; the least it can be where the depth is not exact.',
      ),
    workers: count.describe('Processes that are alive and serve it.'),
    slots: count.describe('Messages of it that they handle at the same time.'),
    paused: pauseView.nullable(),
  })
  .meta({ id: 'Queue' });
export type QueueView = z.output<typeof queueView>;
export const queueList = z.object({ items: z.array(queueView) });

export const workerView = z
  .object({
    id: uuid,
    hostname: z.string(),
    pid: z.number().int(),
    queues: z.array(z.string()),
    slots: count.describe('Messages it handles at the same time, of each queue.'),
    running: count.describe('Jobs that it is running.'),
    state: z
      .enum(['alive', 'silent'])
      .describe('Silent: no sign of life for 12 seconds; its jobs are taken back and run elsewhere.'),
    startedAt: instantOut,
    lastBeatAt: instantOut,
  })
  .meta({ id: 'Worker' });
export type WorkerView = z.output<typeof workerView>;
export const workerList = z.object({ items: z.array(workerView) });
