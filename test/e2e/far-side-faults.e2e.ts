import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TestRemote } from '../factories/copies.js';
import { FarWork } from '../factories/far-work.js';
import type { Named } from '../factories/file-work.js';
import { namesFor } from '../far-sides/hard-names.js';
import {
  FAR_SIDES,
  type FarSide,
  S3FarSide,
  ServedFarSide,
  smallDisksPossible,
  startFarSide,
} from '../far-sides/index.js';
import { TestApp } from '../harness/app.js';
import { noteNotRun, rclonePresent } from '../harness/capabilities.js';
import { TestEventSource } from '../harness/event-source.js';
import { hashes, write } from '../harness/files.js';
import { copyingProcesses } from '../harness/rclone-processes.js';
import { until } from '../harness/until.js';

const MiB = 1024 * 1024;

/** Without folders, which S3 does not have. */
const filesOf = async (side: FarSide): Promise<Record<string, string | null>> =>
  Object.fromEntries(Object.entries(await side.tree()).filter(([, hash]) => hash !== null));

const blobs = (count: number, size: number): Record<string, Buffer> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`f${index}.bin`, randomBytes(size)]));

const smallDisks = smallDisksPossible();

describe.skipIf(!rclonePresent()).each(FAR_SIDES)('jobs with a far side of type %s', (type) => {
  let app: TestApp;
  let work: FarWork;
  let side: FarSide;
  let here: TestRemote;
  let there: Named;

  beforeAll(async () => {
    if (!smallDisks) noteNotRun('tests with small disks (no namespaces of mounts)');
    app = await TestApp.start({ environment: { STEWARD_REMOTES_ALLOWED_HOSTS: '127.0.0.1' } });
    work = new FarWork(app);
  });
  beforeEach(async () => {
    side = await startFarSide(type);
    here = await work.remote();
    there = await work.remoteAt(side);
  });
  afterEach(() => side.stop());
  afterAll(() => app.stop());

  it('take every name files have there and back', async () => {
    const names = namesFor(type);
    await write(here.root, Object.fromEntries(names.map((name) => [name, name])));
    expect(await work.between('copy', here, there)).toMatchObject({
      status: 'completed',
      result: { files: { created: names.length, failed: 0 } },
    });
    const wanted = await hashes(here.root);
    expect(await filesOf(side)).toEqual(wanted);
    const back = await work.remote();
    const job = await work.between('copy', there, back, { verify: true });
    expect(job).toMatchObject({ status: 'completed', result: { verification: { differing: [] } } });
    expect(await hashes(back.root)).toEqual(wanted);
  });

  it.each(['there', 'back'] as const)('go on when the connection breaks on the way %s', async (way) => {
    const files = blobs(6, MiB);
    await (way === 'there' ? write(here.root, files) : side.write(files));
    let broken = false;
    void side.cable.breakAfter(2.5 * MiB).then(() => (broken = true));
    const id = await (way === 'there' ? work.begin('copy', here, there) : work.begin('copy', there, here));
    expect(await work.endedInHaste(id)).toMatchObject({ status: 'completed', error: null });
    expect(broken).toBe(true);
    const arrived = await hashes(here.root);
    expect(Object.keys(arrived)).toHaveLength(6);
    expect(await filesOf(side)).toEqual(arrived);
  });

  const silences = ['the cable is cut', ...(type === 's3' ? [] : ['the server stands still'])];
  it.each(silences)('end soon after they are cancelled although %s', async (silence) => {
    await write(here.root, { slow: randomBytes(20 * MiB) });
    const id = await work.begin('copy', here, there, { bandwidthLimit: MiB });
    await work.reach(id, ({ progress }) => progress > 0, 'bytes to move');
    if (side instanceof ServedFarSide && silence !== silences[0]) side.freeze();
    else side.cable.blackHole();
    const asked = performance.now();
    await work.demand('POST', `/api/jobs/${id}/cancel`, 200);
    expect(await work.ended(id)).toMatchObject({ status: 'cancelled' });
    // Ten seconds for rclone to stop by itself, and a busy machine.
    expect((performance.now() - asked) / 1000).toBeLessThan(40);
    expect(await copyingProcesses(process.pid)).toEqual([]);
  });

  it('fail at once with a wrong password, which is tried a few times only and shown by the remote', async () => {
    const wrong = await work.remoteAt(side, 'wrong');
    expect(wrong.status).toBe('auth_error');
    await write(here.root, { a: 'a' });
    const before = side.cable.accepted;
    expect(await work.between('copy', here, wrong)).toMatchObject({
      status: 'failed',
      retryCount: 0,
      errorCode: 'transfer_auth',
    });
    // rclone alone knocks ten times, and its far side would count them.
    expect(side.cable.accepted - before).toBeLessThan(5);
    expect(await side.tree()).toEqual({});
    expect((await work.check(wrong)).status).toBe('auth_error');
    expect((await work.check(there)).status).toBe('online');
  });

  it('use the password that is right when they start', async () => {
    await write(here.root, { a: 'a' });
    expect(await work.between('copy', here, there)).toMatchObject({ status: 'completed' });
    await write(here.root, { b: 'b' });
    await side.changePassword('the second password');
    const early = await work.between('copy', here, there);
    expect(early).toMatchObject({ status: 'failed', retryCount: 0, errorCode: 'transfer_auth' });
    expect((await work.seen(there)).status).toBe('auth_error');
    expect((await work.tell(there, side, 'the second password')).status).toBe('online');
    await work.demand('POST', `/api/jobs/${early.id}/retry`, 200);
    expect(await work.ended(early.id)).toMatchObject({ status: 'completed' });
    expect(Object.keys(await side.tree()).toSorted()).toEqual(['a', 'b']);
  });

  it('are not needed to notice that the password has changed: whoever looks does', async () => {
    await side.write({ 'a/b': 'b' });
    const files = `/api/remotes/${there.id}/files`;
    await work.demand('GET', `${files}/stat?path=/a/b`, 200);
    const stream = await TestEventSource.open(`${app.url}/api/events?channels=remotes`, {
      authorization: `Bearer ${app.adminToken}`,
    });
    try {
      await side.changePassword('the second password');
      expect(await work.demand('GET', `${files}?path=/a`, 409)).toMatchObject({ code: 'remote_auth_error' });
      expect(await work.seen(there)).toMatchObject({ status: 'auth_error' });
      await work.tell(there, side, 'the second password');
      expect(await work.check(there)).toMatchObject({ status: 'online', statusDetail: null });
      await work.demand('GET', `${files}?path=/a`, 200);
      const told = (await stream.received(2)).map(({ event, data }) => [event, data]);
      expect(told).toMatchObject([
        ['remote.status_changed', { subjectId: there.id, from: 'online', to: 'auth_error' }],
        ['remote.status_changed', { subjectId: there.id, from: 'auth_error', to: 'online' }],
      ]);
    } finally {
      stream.close();
    }
  });

  it('wait while nobody is there, and go on by themselves', async () => {
    await write(here.root, { a: 'a' });
    side.cable.unplug();
    const before = side.cable.accepted;
    const id = await work.begin('copy', here, there);
    await until(
      async () => {
        // rclone's client of S3 is patient for minutes, in which the attempt goes on.
        if (type === 's3') return side.cable.accepted > before + 2;
        const { status, errorCode, retryCount } = await work.job(id);
        return status === 'pending' && errorCode === 'transfer_temporary' && retryCount === 1;
      },
      { describe: 'another attempt' },
    );
    expect((await work.check(there)).status).toBe('offline');
    side.cable.mend();
    expect(await work.endedInHaste(id)).toMatchObject({ status: 'completed', error: null });
    expect(await filesOf(side)).toEqual(await hashes(here.root));
    expect((await work.check(there)).status).toBe('online');
  });

  describe.skipIf(type !== 's3' && !smallDisks)('whose disk is full', () => {
    it('fail visibly and lose nothing', async () => {
      await side.stop();
      side = type === 's3' ? await S3FarSide.start() : await ServedFarSide.start(type, { diskSize: MiB });
      if (side instanceof S3FarSide) side.isFull = true;
      const full = await work.remoteAt(side);
      await write(here.root, blobs(3, 2 * MiB));
      const before = await hashes(here.root);
      const job = await work.endedInHaste(await work.begin('move', here, full));
      expect(job).toMatchObject({ status: 'failed' });
      expect(job.error).toMatch(/space|full|could not|fail/i);
      expect(await hashes(here.root)).toEqual(before);
    });
  });
});
