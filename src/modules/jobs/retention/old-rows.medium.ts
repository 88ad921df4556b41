import { v7 } from 'uuid';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  idIn,
  makeMonth,
  monthAgo,
  partitionExists,
  plantEvent,
  plantJobs,
  plantLine,
} from '../../../../test/harness/old-months.js';
import { RetentionWorld, daysAgo } from '../../../../test/harness/retention.js';
import { EventDelivery } from '../../../kernel/realtime/index.js';
import { ArchivesRepository } from './archives.repository.js';

let world: RetentionWorld;
beforeEach(async () => {
  world = await RetentionWorld.start();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await world.stop();
});

describe('old lines', () => {
  it('go after 30 days, to the day, and are archived before', async () => {
    const job = v7({ msecs: daysAgo(50) });
    const edge = await monthAgo(world.client, 1);
    for (const name of [edge, await monthAgo(world.client, 2)]) await makeMonth(world.client, name);
    await plantJobs(world.client, [{ id: job, status: 'pending' }]);
    const old = [v7({ msecs: daysAgo(45) }), v7({ msecs: daysAgo(30, -60_000) })];
    const young = [v7({ msecs: daysAgo(30, 60_000) }), v7({ msecs: daysAgo(1) })];
    for (const id of [...old, ...young]) await plantLine(world.client, id, job, `line ${id}`);
    expect(await world.run('job-logs', true)).toMatchObject({ removed: 2 });
    expect(await world.run('job-logs')).toMatchObject({ removed: 2, archived: 2 });
    expect(await world.idsIn('job_logs')).toEqual(young);
    expect((await world.archived('job-logs')).map(({ id, jobId }) => [id, jobId])).toEqual(
      old.map((id) => [id, job]),
    );
    expect(await world.run('job-logs')).toMatchObject({ removed: 0, archived: 0, dropped: [] });
  });

  it('go with their world.month when all of it is old, whatever their jobs do', async () => {
    const job = idIn(world.month, 1);
    await plantJobs(world.client, [{ id: job, status: 'pending' }]);
    for (let day = 2; day < 8; day++) await plantLine(world.client, idIn(world.month, day), job);
    expect(await world.run('job-logs')).toEqual({
      removed: 6,
      dropped: [`job_logs ${world.month}`],
      archived: 6,
      postponed: [],
    });
    expect([await partitionExists(world.client, 'job_logs', world.month), await world.idsIn('jobs')]).toEqual(
      [false, [job]],
    );
  });

  it.each(['add', 'markRemoved'] as const)('are archived once, also after a crash at %s', async (method) => {
    const job = idIn(world.month, 1);
    await plantJobs(world.client, [{ id: job, status: 'pending' }]);
    const ids = [idIn(world.month, 2), idIn(world.month, 3)];
    for (const id of ids) await plantLine(world.client, id, job);
    world.failOnce(ArchivesRepository, method);
    await expect(world.run('job-logs')).rejects.toThrow('died here');
    await world.run('job-logs');
    await world.run('job-logs');
    expect((await world.archived('job-logs')).map(({ id }) => id)).toEqual(ids);
    expect(await world.idsIn('job_logs')).toEqual([]);
  });
});

describe('old events', () => {
  it('go after 30 days, with their world.month when all of it is old', async () => {
    const edge = await monthAgo(world.client, 1);
    for (const name of [edge, await monthAgo(world.client, 2)]) await makeMonth(world.client, name);
    const old = [idIn(world.month, 3), v7({ msecs: daysAgo(40) }), v7({ msecs: daysAgo(30, -60_000) })];
    const young = [v7({ msecs: daysAgo(30, 60_000) }), v7({ msecs: daysAgo(1) })];
    for (const id of [...old, ...young]) await plantEvent(world.client, id);
    expect(await world.run('events', true)).toMatchObject({ removed: 3 });
    expect(await world.run('events')).toMatchObject({ removed: 3, postponed: [] });
    expect(await world.idsIn('events')).toEqual(young);
    expect(await partitionExists(world.client, 'events', world.month)).toBe(false);
  });

  it('stay, however old, until every consumer of this build has handled them', async () => {
    const ids = [idIn(world.month, 3), idIn(world.month, 4)];
    for (const id of ids) await plantEvent(world.client, id);
    vi.spyOn(world.get(EventDelivery), 'consumerNames').mockReturnValue(['quick', 'slow']);
    await world.client.query(
      `insert into event_cursors (subscriber, xid, seq) select name, xid, seq from events, unnest(array['quick', 'slow', 'of another build']) name
        where id = $1`,
      [ids[0]],
    );
    await world.client.query(
      `update event_cursors set seq = (select max(seq) from events), xid = pg_current_xact_id() where subscriber = 'quick'`,
    );
    expect(await world.run('events')).toMatchObject({ removed: 1, dropped: [] });
    expect(await world.idsIn('events')).toEqual([ids[1]]);
    await world.client.query(`update event_cursors set xid = pg_current_xact_id() where subscriber = 'slow'`);
    expect(await world.run('events')).toMatchObject({ removed: 1, dropped: [`events ${world.month}`] });
  });
});
