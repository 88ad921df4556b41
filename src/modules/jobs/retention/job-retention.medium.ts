import { v7 } from 'uuid';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { idIn, partitionExists, plantJobs, plantLine } from '../../../../test/harness/old-months.js';
import { RetentionWorld, daysAgo } from '../../../../test/harness/retention.js';
import { Database } from '../../../kernel/database/index.js';
import { toJobView } from '../job.view.js';
import { JobsRepository } from '../jobs.repository.js';

let world: RetentionWorld;
beforeEach(async () => {
  world = await RetentionWorld.start();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await world.stop();
});

describe('old jobs', () => {
  it('are archived exactly as they were shown, and then dropped with their world.month', async () => {
    const user = await world.user();
    const text = {
      text: 'سلام 안녕 สวัสดี привет 👩‍👩‍👧‍👦 "\\ \u2028 \u0001',
      nested: [{ deep: [null, 1.5, 1e21] }],
      ключ: 'x'.repeat(100_000),
    };
    const ids = [idIn(world.month, 1), idIn(world.month, 15), idIn(world.month, 28)];
    await plantJobs(world.client, [
      { id: ids[0]!, userId: user, payload: text },
      { id: ids[1]!, status: 'failed', payload: [] },
      { id: ids[2]!, status: 'cancelled', userId: user },
    ]);
    const { read } = world.get(Database).system('test');
    const jobs = world.get(JobsRepository);
    const shown = (await Promise.all(ids.map((id) => jobs.find(read, id)))).map((job) => toJobView(job!));

    expect(await world.run('jobs')).toEqual({
      removed: 3,
      dropped: [`jobs ${world.month}`],
      archived: 3,
      postponed: [],
    });
    expect(await partitionExists(world.client, 'jobs', world.month)).toBe(false);
    const [archive, ...others] = await world.archives();
    expect([archive, others]).toMatchObject([{ kind: 'jobs', period: world.month, part: 1, rows: 3 }, []]);
    expect(archive?.removedAt).not.toBeNull();
    const found = await world.archived();
    const byId = (a: { id?: unknown }, b: { id?: unknown }) => (String(a.id) < String(b.id) ? -1 : 1);
    expect(found.map((line) => JSON.stringify({ ...line, logs: undefined }))).toEqual(
      shown.toSorted(byId).map((view) => JSON.stringify(view)),
    );
    expect(await world.run('jobs')).toEqual({ removed: 0, dropped: [], archived: 0, postponed: [] });
  });

  it('stay while they are younger than the limit, and so does what is open', async () => {
    const young = [v7({ msecs: daysAgo(0) }), v7({ msecs: daysAgo(3) })];
    await plantJobs(
      world.client,
      young.map((id) => ({ id })),
    );
    const open = idIn(world.month, 2);
    const recent = idIn(world.month, 3);
    const old = [idIn(world.month, 4), idIn(world.month, 5)];
    await plantJobs(world.client, [
      { id: open, status: 'pending' },
      { id: recent, endedAt: new Date(daysAgo(59)) },
      ...old.map((id) => ({ id })),
    ]);
    expect(await world.run('jobs')).toEqual({ removed: 2, dropped: [], archived: 2, postponed: [] });
    expect(await world.idsIn('jobs')).toEqual([open, recent, ...young].toSorted());
    expect((await world.archived()).map(({ id }) => id)).toEqual(old);

    // Once the last of them has ended long ago, the rest of the world.month goes, as its second part.
    await world.client.query(
      `update jobs set status = 'completed', run_at = null, turn = null, completed_at = $2, started_at = created_at where id = $1`,
      [open, new Date(daysAgo(61))],
    );
    await world.client.query(`update jobs set completed_at = $2 where id = $1`, [
      recent,
      new Date(daysAgo(61)),
    ]);
    expect(await world.run('jobs')).toMatchObject({
      removed: 2,
      dropped: [`jobs ${world.month}`],
      archived: 2,
    });
    expect((await world.archives()).map(({ part }) => part)).toEqual([1, 2]);
    expect((await world.archived()).map(({ id }) => id).toSorted()).toEqual(
      [open, recent, ...old].toSorted(),
    );
  });

  it('take the lines that they still have along', async () => {
    const job = idIn(world.month);
    await plantJobs(world.client, [{ id: job }]);
    await plantLine(world.client, idIn(world.month, 11), job, 'an old line');
    await plantLine(world.client, v7(), job, 'a line with an id of this world.month');
    expect(await world.run('jobs')).toMatchObject({ removed: 1, archived: 1 });
    expect(await world.idsIn('job_logs')).toEqual([]);
    const [line] = await world.archived();
    expect((line!['logs'] as { message: string }[]).map(({ message }) => message)).toEqual([
      'an old line',
      'a line with an id of this world.month',
    ]);
  });

  it('that have an id of no world.month are archived and removed one by one', async () => {
    const old = '00000000-1111-4111-8111-111111111111';
    const young = 'fffffff0-1111-4111-8111-111111111111';
    for (const id of [old, young])
      await world.client.query(
        `insert into jobs (id, type, queue, status, payload, created_at, completed_at) values ($1, 'copy', 'files', 'completed', '{}', $2, $2)`,
        [id, new Date(daysAgo(id === old ? 100 : 1))],
      );
    expect(await world.run('jobs')).toMatchObject({ removed: 1, archived: 1 });
    expect(await world.idsIn('jobs')).toEqual([young]);
    expect((await world.archives()).map(({ period }) => period)).toEqual(['other']);
  });

  it('are only counted in a dry run', async () => {
    await plantJobs(world.client, [
      { id: idIn(world.month) },
      { id: idIn(world.month) },
      { id: idIn(world.month), status: 'pending' },
    ]);
    expect(await world.run('jobs', true)).toEqual({ removed: 2, dropped: [], archived: 0, postponed: [] });
    expect([(await world.idsIn('jobs')).length, await world.archives()]).toEqual([3, []]);
  });

  it('are left for another day while somebody reads the table for long', async () => {
    await plantJobs(world.client, [{ id: idIn(world.month) }]);
    await world.client.query('begin');
    await world.client.query('select count(*) from jobs');
    const report = await world.run('jobs');
    expect(report).toEqual({
      removed: 0,
      dropped: [],
      archived: 1,
      postponed: [`jobs of ${world.month}: the table is in use`],
    });
    await world.client.query('rollback');
    expect(await world.run('jobs')).toEqual({
      removed: 1,
      dropped: [`jobs ${world.month}`],
      archived: 0,
      postponed: [],
    });
    expect(await world.archived()).toHaveLength(1);
  });
});
