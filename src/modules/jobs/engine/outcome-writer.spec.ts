import { describe, expect, it } from 'vitest';
import { Log } from '../../../kernel/log/index.js';
import type { ClaimedJob } from './job-moves.repository.js';
import { OutcomeWriter } from './outcome-writer.js';
import type { Settler } from './settler.js';

const job = { id: 'any', leaseEpoch: 1 } as ClaimedJob;

describe('outcomes that wait for the database', () => {
  it('leave no room above a thousand, until one of them is written', async () => {
    const written: (() => void)[] = [];
    const settler = {
      settle: () => new Promise<boolean>((resolve) => written.push(() => resolve(true))),
    } as unknown as Settler;
    const writer = new OutcomeWriter(settler, Log.create({ level: 'silent', format: 'json' }));
    const outcomes = Array.from({ length: 999 }, () => writer.write(job, { kind: 'cancelled' }));
    expect(writer.room()).toBeNull();
    outcomes.push(writer.write(job, { kind: 'cancelled' }));
    const room = writer.room();
    expect(room).not.toBeNull();
    expect(writer.room()).toBe(room);
    written[0]?.();
    await room;
    expect(writer.room()).toBeNull();
    for (const answer of written) answer();
    expect(await Promise.all(outcomes)).toHaveLength(1000);
  });
});
