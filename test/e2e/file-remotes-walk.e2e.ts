import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobView } from '../../src/modules/jobs/jobs.schema.js';
import type { RemoteView } from '../../src/modules/remotes/remotes.schema.js';
import type { PreviewView, ScheduleView, SlotView } from '../../src/modules/schedules/schedules.schema.js';
import { S3FarSide, ServedFarSide, type FarSide } from '../far-sides/index.js';
import { rclonePresent } from '../harness/capabilities.js';
import { createTestDatabase, type TestDatabase } from '../harness/database.js';
import type { TestEventSource } from '../harness/event-source.js';
import { FilePerson, hasEnded, placeAt } from '../harness/file-person.js';
import { hashOf } from '../harness/files.js';
import { StewardProcess, scratch } from '../harness/process.js';
import { until } from '../harness/until.js';

const PASSWORD = 'the password of the tests';
const MiB = 1024 * 1024;

/** What anna may read of the team's files is all but `hr`; bob sees nothing but `public`, and not its drafts. */
const PUBLIC: Record<string, string> = {
  'read me.txt': 'welcome',
  '안내.txt': '환영합니다',
  'deep/-[1].txt': 'one',
  'drafts/plan.txt': 'not yet',
};
const TEAM: Record<string, string> = {
  ...Object.fromEntries(Object.entries(PUBLIC).map(([name, text]) => [`public/${name}`, text])),
  'hr/salaries.txt': 'secret',
  'notes.txt': 'notes of the team',
};

const LATER = ['later.txt', 'public/later.txt'];

const below = (folder: string, files: Record<string, string | null>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(files).flatMap(([name, hash]) =>
      hash !== null && name.startsWith(`${folder}/`) ? [[name.slice(folder.length + 1), hash]] : [],
    ),
  );
const hashed = (files: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(files).map(([name, text]) => [name, hashOf(text)]));

/**
 * What a new user does, in the order of the README, over HTTP alone: two people and an admin, three kinds of far side,
 * and a server of several processes of which one is killed. Each chapter goes on where the one before has ended.
 */
describe.skipIf(!rclonePresent())('two users and three far sides', () => {
  let database: TestDatabase;
  let directory: { path: string; remove: () => Promise<void> };
  const processes: StewardProcess[] = [];
  let worker: StewardProcess;
  let nas: ServedFarSide;
  let dav: ServedFarSide;
  let s3: S3FarSide;
  let admin: FilePerson;
  let anna: FilePerson;
  let bob: FilePerson;
  /** The admin's, on the SFTP server; anna's, on WebDAV and S3; bob's, on S3. */
  let team: RemoteView;
  let cloud: RemoteView;
  let bucket: RemoteView;
  let shelf: RemoteView;
  let wrong: RemoteView;
  let seenByAnna: TestEventSource;
  let seenByBob: TestEventSource;

  const start = (role: string): StewardProcess => {
    const one = StewardProcess.spawn({
      DATABASE_URL: database.url,
      STEWARD_ROLE: role,
      STEWARD_DATA_DIR: directory.path,
      STEWARD_SECRET: 'one signing secret for every process of the test',
      STEWARD_ADMIN_PASSWORD: PASSWORD,
      STEWARD_REMOTES_ALLOWED_HOSTS: '127.0.0.1',
    });
    processes.push(one);
    return one;
  };

  beforeAll(async () => {
    database = await createTestDatabase();
    directory = await scratch();
    nas = await ServedFarSide.start('sftp');
    dav = await ServedFarSide.start('webdav');
    s3 = await S3FarSide.start();
    await nas.write(TEAM);
    const api = start('api');
    const url = await api.url();
    worker = start('worker');
    await Promise.all([worker.running(), start('scheduler').running()]);
    admin = await FilePerson.login(url, 'admin@steward.local', PASSWORD);
    [anna, bob] = [await FilePerson.register(url, 'anna'), await FilePerson.register(url, 'bob')];
    [seenByAnna, seenByBob] = [await anna.follow('jobs,remotes'), await bob.follow('jobs,remotes')];
  });
  afterAll(async () => {
    for (const stream of [seenByAnna, seenByBob]) stream?.close();
    await Promise.all(processes.map((one) => one.end('SIGKILL')));
    for (const side of [nas, dav, s3] as (FarSide | undefined)[]) await side?.stop();
    await database?.drop();
    await directory?.remove();
  });

  it('configure: everybody their own, and the admin one for all', async () => {
    team = await admin.makeRemote(nas.body('team'));
    cloud = await anna.makeRemote(dav.body('cloud of anna'));
    bucket = await anna.makeRemote({ ...s3.body('bucket of anna'), root: `${s3.access().root}/anna` });
    shelf = await bob.makeRemote({ ...s3.body('shelf of bob'), root: `${s3.access().root}/bob` });
    expect([team, cloud, bucket, shelf].map(({ status }) => status)).toEqual(Array(4).fill('online'));
    const answers = await Promise.all([anna.fetch(`/api/remotes/${cloud.id}`), anna.fetch('/api/remotes')]);
    for (const text of await Promise.all(answers.map((answer) => answer.text()))) {
      expect(text).toContain('"hasSecrets":true');
      expect(text).not.toContain(Object.values(dav.access().secrets)[0]);
    }
    wrong = await anna.makeRemote({ ...nas.body('wrong'), secrets: { password: 'not this one' } });
    expect(wrong).toMatchObject({ status: 'auth_error' });
    expect((await bob.ask('GET', `/api/remotes/${cloud.id}`)).status).toBe(404);
    expect((await anna.ask('GET', `/api/remotes/${team.id}/files`)).status).toBe(404);
    const local = { type: 'local', name: 'disk', root: path.join(directory.path, 'files/x') };
    expect((await anna.ask('POST', '/api/remotes', local)).status).toBe(403);
  });

  it('share: rights and path rules, and why', async () => {
    await admin.give(team, anna, {
      permissions: ['read', 'write', 'delete'],
      pathRules: [{ path: '/hr', deny: ['read', 'write', 'delete'] }],
    });
    await admin.give(team, bob, {
      permissions: ['read'],
      pathRules: [
        { path: '/public/*', allow: ['read'] },
        { path: '/public/drafts', deny: ['read'] },
      ],
    });
    expect(await anna.explain(team, 'read', '/hr/salaries.txt')).toMatchObject({
      allowed: false,
      reason: 'rule_denies',
    });
    expect(await bob.explain(team, 'read', '/public')).toMatchObject({
      reason: 'rule_allows',
      tree: { answer: 'partial', hidden: ['drafts'] },
    });
    expect(await bob.explain(team, 'write', '/public')).toMatchObject({ reason: 'right_missing' });
  });

  it('browse: what is theirs, from one look at the storage', async () => {
    expect(await anna.names(team)).toEqual(['notes.txt', 'public']);
    expect(await anna.names(team, '/public')).toEqual(['deep', 'drafts', 'read me.txt', '안내.txt']);
    // Whoever looks now is shown what anna's look has found: the storage is not asked again.
    for (const name of LATER) await nas.rclone(['copyto', path.join(nas.files, 'notes.txt'), `far:${name}`]);
    expect(await admin.names(team)).toEqual(['hr', 'notes.txt', 'public']);
    expect(await bob.names(team)).toEqual(['public']);
    expect(await bob.names(team, '/public')).toEqual(['deep', 'read me.txt', '안내.txt']);
    expect((await bob.ask('GET', `/api/remotes/${team.id}/files/stat?path=/public/later.txt`)).status).toBe(
      200,
    );
    for (const name of LATER) await nas.rclone(['deletefile', `far:${name}`]);
    const part = await bob.download(team, '/public/read me.txt', { range: 'bytes=3-6' });
    expect([part.status, await part.text()]).toEqual([206, 'come']);
    for (const hidden of ['/public/drafts/plan.txt', '/hr/salaries.txt', '/nothing'])
      expect([hidden, (await bob.download(team, hidden)).status]).toEqual([hidden, 404]);
    expect((await bob.upload(team, '/public/x', 'x')).status).toBe(403);
    expect((await anna.upload(team, '/hr/x', 'x')).status).toBe(403);
    expect((await anna.upload(team, '/public/new.txt', 'new')).status).toBe(201);
    expect(await bob.names(team, '/public')).toContain('new.txt');
    await anna.remove(team, '/public/new.txt');
    expect(await bob.names(team, '/public')).not.toContain('new.txt');
  });

  it('copy: from one kind of far side to another, and no more than one may read', async () => {
    const copies = await Promise.all([
      anna.done('copy', { source: placeAt(team), destination: placeAt(cloud, '/copy') }),
      bob.done('copy', { source: placeAt(team, '/public'), destination: placeAt(shelf, '/copy') }),
    ]);
    expect(copies.map(({ status, progress }) => [status, progress])).toEqual(
      [1, 2].map(() => ['completed', 100]),
    );
    const { 'hr/salaries.txt': _hidden, ...forAnna } = TEAM;
    expect(below('copy', await dav.tree())).toEqual(hashed(forAnna));
    const { 'drafts/plan.txt': _draft, ...forBob } = PUBLIC;
    expect(below('bob/copy', await s3.tree())).toEqual(hashed(forBob));
    const refused = { source: placeAt(team, '/public/drafts'), destination: placeAt(shelf, '/x') };
    expect((await bob.ask('POST', '/api/jobs', { type: 'copy', payload: refused })).status).toBe(403);
  });

  it('sync: first its plan, then the same, and nobody else writes there meanwhile', async () => {
    for (const name of ['extra.txt', 'read me.txt'])
      await anna.upload(cloud, `/mirror/${name}`, 'an older text');
    const payload = { source: placeAt(team, '/public'), destination: placeAt(cloud, '/mirror') };
    const plan = await anna.done('sync', { ...payload, options: { dryRun: true } });
    expect(plan.result).toMatchObject({
      dryRun: true,
      plan: { create: { files: 3 }, update: { files: 1 }, delete: { files: 1 } },
    });
    expect(Object.keys(below('mirror', await dav.tree()))).toHaveLength(2);

    const large = randomBytes(4 * MiB);
    await anna.upload(team, '/public/large.bin', large);
    const options = { verify: true, bandwidthLimit: MiB };
    const running = await anna.start('sync', { ...payload, options });
    await anna.reach(running, ({ status, progress }) => status === 'running' && progress > 0);
    expect(await anna.upload(cloud, '/mirror/mine.txt', 'mine')).toMatchObject({
      status: 409,
      body: { code: 'place_in_use', detail: expect.stringContaining(running) as string },
    });
    expect((await anna.upload(cloud, '/elsewhere.txt', 'mine')).status).toBe(201);
    await anna.call('PATCH', `/api/jobs/${running}/transfer`, { bandwidthLimit: null });
    const synced = await anna.reach(running, hasEnded);
    expect(synced).toMatchObject({ status: 'completed', result: { verification: { differing: [] } } });
    expect(below('mirror', await dav.tree())).toEqual({ ...hashed(PUBLIC), 'large.bin': hashOf(large) });
    expect((await anna.upload(cloud, '/mirror/mine.txt', 'mine')).status).toBe(201);
    await anna.remove(team, '/public/large.bin');

    const nothing = { source: placeAt(bucket, '/empty'), destination: placeAt(cloud, '/mirror') };
    await s3.write({ 'anna/empty/one': 'x' });
    expect(await anna.done('sync', { ...nothing, options: { exclude: ['one'] } })).toMatchObject({
      status: 'failed',
      errorCode: 'transfer_protected',
    });
    // Bob may not see the drafts, so for him they would be gone at the other end.
    const partly = { source: placeAt(team, '/public'), destination: placeAt(shelf, '/mirror') };
    expect((await bob.ask('POST', '/api/jobs', { type: 'sync', payload: partly })).status).toBe(403);
  });

  it('back up on a schedule, three versions kept, and bring back the oldest', async () => {
    const jobTemplate = {
      type: 'backup',
      payload: {
        source: placeAt(team, '/public'),
        destination: placeAt(cloud, '/backups'),
        options: { name: 'public', mirror: true, keepLast: 3, allowMassDelete: true },
      },
    };
    const everyMinute = { ruleType: 'cron', cronExpression: '* * * * *' };
    const { items } = await anna.call<PreviewView>('POST', '/api/schedules/preview', everyMinute);
    const minutes = items.map(({ at }) => Date.parse(at) / 60_000);
    expect(minutes).toEqual(minutes.map((_, index) => Math.ceil(minutes[0]!) + index));
    const asked = { name: 'every minute', ...everyMinute, jobTemplate, isActive: false };
    expect((await anna.ask('POST', '/api/schedules', asked)).status).toBe(201);

    // A few seconds stand in for the minute.
    const rule = await anna.call<ScheduleView>('POST', '/api/schedules', {
      name: 'often',
      ruleType: 'interval',
      intervalSeconds: 2,
      isActive: false,
      jobTemplate,
    });
    const runs = async (): Promise<readonly JobView[]> =>
      (await anna.call<{ items: JobView[] }>('GET', `/api/jobs?scheduleId=${rule.id}&limit=100`)).items;
    const states = new Map<string, Record<string, string>>();
    for (const round of [1, 2, 3, 4, 5]) {
      if (round > 1) await anna.remove(team, `/public/only in ${round - 1}`);
      const changed = { 'changed.txt': 'x'.repeat(round), [`only in ${round}`]: 'gone soon' };
      for (const [name, text] of Object.entries(changed)) await anna.upload(team, `/public/${name}`, text);
      const state = { ...PUBLIC, ...changed };
      await anna.call('POST', `/api/schedules/${rule.id}/resume`);
      const before = states.size;
      const isNew = ({ status }: JobView, index: number, all: readonly JobView[]): boolean =>
        status === 'completed' && all.length - index > before;
      await until(async () => (await runs()).some(isNew), { describe: `the run of round ${round}` });
      await anna.call('POST', `/api/schedules/${rule.id}/pause`, {});
      const ended = await until(
        async () => {
          const all = await runs();
          return all.every(hasEnded) && all;
        },
        { describe: 'no run to be left' },
      );
      for (const { status, result } of ended) {
        expect(status).toBe('completed');
        const { version } = result as { version: string };
        if (!states.has(version)) states.set(version, state);
      }
    }
    const slots = await anna.call<{ items: SlotView[] }>(
      'GET',
      `/api/schedules/${rule.id}/slots?outcome=fired`,
    );
    expect(slots.items.length).toBe((await runs()).length);

    const [backup] = await anna.backups(cloud, '/backups');
    const kept = [...states.keys()].toSorted().toReversed().slice(0, 3);
    expect(backup).toMatchObject({ name: 'public', path: '/backups/public' });
    expect(backup?.versions.map(({ version }) => version)).toEqual(kept);
    const oldest = kept.at(-1)!;
    const restored = await anna.done('restore', {
      source: placeAt(cloud, '/backups/public'),
      version: oldest,
      destination: placeAt(bucket, '/restored'),
    });
    expect(restored).toMatchObject({ status: 'completed' });
    expect(below('anna/restored', await s3.tree())).toEqual(hashed(states.get(oldest)!));
  });

  it('cancel: a copy that runs ends, and nothing of it goes on', async () => {
    await anna.upload(team, '/public/large.bin', randomBytes(20 * MiB));
    const slow = {
      source: placeAt(team, '/public'),
      destination: placeAt(cloud, '/slow'),
      options: { bandwidthLimit: 200_000 },
    };
    const id = await anna.start('copy', slow);
    await anna.reach(id, ({ status, progress }) => status === 'running' && progress > 0);
    expect((await bob.ask('POST', `/api/jobs/${id}/cancel`)).status).toBe(404);
    await anna.call('POST', `/api/jobs/${id}/cancel`);
    expect(await anna.reach(id, hasEnded)).toMatchObject({ status: 'cancelled' });
    expect((await anna.upload(cloud, '/slow/mine.txt', 'mine')).status).toBe(201);
  });

  it('kill -9: another worker brings the job to its end', async () => {
    const payload = {
      source: placeAt(team, '/public'),
      destination: placeAt(bucket, '/after'),
      options: { bandwidthLimit: 2 * MiB },
    };
    const id = await anna.start('copy', payload);
    await anna.reach(id, ({ status, progress }) => status === 'running' && progress > 5);
    const other = start('worker');
    await other.running();
    await worker.end('SIGKILL');
    const ended = await anna.reach(id, hasEnded);
    expect(ended).toMatchObject({ status: 'completed', crashCount: 1, retryCount: 0, progress: 100 });
    expect(below('anna/after', await s3.tree())).toEqual(below('public', await nas.tree()));
  });

  it('watch: one’s own jobs and remotes as they change, and nothing of others', async () => {
    await bob.done('copy', { source: placeAt(team, '/public'), destination: placeAt(shelf, '/again') });
    const status = async (who: FilePerson, remote: RemoteView, wanted: string): Promise<unknown> =>
      until(async () => (await who.check(remote)).status === wanted, {
        describe: `${remote.name} ${wanted}`,
      });
    s3.cable.blackHole();
    await Promise.all([status(anna, bucket, 'offline'), status(bob, shelf, 'offline')]);
    s3.cable.mend();
    await Promise.all([status(anna, bucket, 'online'), status(bob, shelf, 'online')]);

    // What a remote was found to be when it was made comes first.
    const changes = ({ events }: TestEventSource): unknown[] =>
      events
        .filter(({ event, data }) => event === 'remote.status_changed' && data['from'] !== 'unknown')
        .map(({ data }) => [data['subjectId'], data['from'], data['to']]);
    const [forAnna, forBob] = [bucket, shelf].map(({ id }) => [
      [id, 'online', 'offline'],
      [id, 'offline', 'online'],
    ]);
    await until(() => changes(seenByAnna).length >= 2 && changes(seenByBob).length >= 2, {
      describe: 'the changes to be told',
    });
    expect([changes(seenByAnna), changes(seenByBob)]).toEqual([forAnna, forBob]);
    const remotesOf = ({ events }: TestEventSource): Set<unknown> =>
      new Set(
        events.filter(({ data }) => data['channel'] === 'remotes').map(({ data }) => data['subjectId']),
      );
    expect(remotesOf(seenByAnna)).toEqual(new Set([cloud.id, bucket.id, wrong.id]));
    expect(remotesOf(seenByBob)).toEqual(new Set([shelf.id]));

    for (const [who, { events }] of [
      [anna, seenByAnna],
      [bob, seenByBob],
    ] as const) {
      const { items } = await who.call<{ items: JobView[] }>('GET', '/api/jobs?limit=100');
      const own = new Set(items.map(({ id }) => id));
      const told = events.filter(({ data }) => data['channel'] === 'jobs' || 'progress' in data);
      expect(told.filter(({ data }) => !own.has(String(data['subjectId'] ?? data['jobId'])))).toEqual([]);
      const ends = events.filter(({ event }) => /^job\.(completed|failed|cancelled)$/.test(event));
      expect(new Set(ends.map(({ data }) => data['subjectId']))).toEqual(own);
    }
    const progress = seenByAnna.events.filter(({ event }) => event === 'job.progress');
    expect(progress.length).toBeGreaterThan(3);
  });
});
