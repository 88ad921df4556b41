import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FileJobsDesk } from '../factories/file-jobs.js';
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
import { tree, write } from '../harness/files.js';
import { copyingProcesses } from '../harness/rclone-processes.js';

const MiB = 1024 * 1024;

/** S3 has no folders. */
const filesOf = (found: Record<string, string | null>): Record<string, string | null> =>
  Object.fromEntries(Object.entries(found).filter(([, hash]) => hash !== null));

const blobs = (count: number, size: number): Record<string, Buffer> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`f${index}.bin`, randomBytes(size)]));

const smallDisks = smallDisksPossible();

describe.skipIf(!rclonePresent()).each(FAR_SIDES)('jobs with a far side of type %s', (type) => {
  let app: TestApp;
  let desk: FileJobsDesk;
  let side: FarSide;
  let here: { id: string; root: string };
  let there: string;

  beforeAll(async () => {
    if (!smallDisks) noteNotRun('tests with small disks (no namespaces of mounts)');
    app = await TestApp.start({ environment: { STEWARD_REMOTES_ALLOWED_HOSTS: '127.0.0.1' } });
    desk = new FileJobsDesk(app);
  });
  beforeEach(async () => {
    side = await startFarSide(type);
    here = await desk.folder();
    there = await desk.remoteAt(side);
  });
  afterEach(() => side.stop());
  afterAll(() => app.stop());

  it('take every name files have there and back', async () => {
    const names = namesFor(type);
    await write(here.root, Object.fromEntries(names.map((name) => [name, name])));
    expect(await desk.ended((await desk.copy(here.id, there)).id)).toMatchObject({
      status: 'completed',
      result: { files: { created: names.length, failed: 0 } },
    });
    const wanted = filesOf(await tree(here.root));
    expect(filesOf(await side.tree())).toEqual(wanted);
    const back = await desk.folder();
    const job = await desk.ended((await desk.copy(there, back.id, { verify: true })).id);
    expect(job).toMatchObject({ status: 'completed', result: { verification: { differing: [] } } });
    expect(filesOf(await tree(back.root))).toEqual(wanted);
  });

  it.each(['there', 'back'] as const)('go on when the connection breaks on the way %s', async (way) => {
    const files = blobs(6, MiB);
    await (way === 'there' ? write(here.root, files) : side.write(files));
    const broken = side.cable.breakAfter(2.5 * MiB);
    const { id } = way === 'there' ? await desk.copy(here.id, there) : await desk.copy(there, here.id);
    await broken;
    expect(await desk.endedInHaste(id)).toMatchObject({ status: 'completed', error: null });
    expect(filesOf(await side.tree())).toEqual(filesOf(await tree(here.root)));
    expect(Object.keys(await side.tree())).toHaveLength(6);
  });

  it('end soon after they are cancelled although nothing is answered', async () => {
    await write(here.root, { slow: randomBytes(20 * MiB) });
    const { id } = await desk.copy(here.id, there, { bandwidthLimit: MiB });
    await desk.reach(id, ({ progress }) => progress > 0, 'bytes to move');
    side.cable.blackHole();
    if (side instanceof ServedFarSide) side.freeze();
    const asked = performance.now();
    await desk.call('POST', `/api/jobs/${id}/cancel`, {}, 200);
    expect(await desk.ended(id)).toMatchObject({ status: 'cancelled' });
    const seconds = (performance.now() - asked) / 1000;
    // Ten seconds for rclone to stop by itself, and a busy machine.
    expect(seconds).toBeLessThan(40);
    expect(await copyingProcesses(process.pid)).toEqual([]);
  });

  it('fail at once with a wrong password, which the remote shows', async () => {
    const secret = type === 's3' ? 'secretAccessKey' : 'password';
    const { options, root } = side.access();
    const body = { type, name: 'with a wrong password', root, options, secrets: { [secret]: 'wrong' } };
    const wrong = await desk.newRemote({ ...body, name: `${body.name} ${side.id}` });
    const checked = await desk.call<{ status: string }>('POST', `/api/remotes/${wrong}/check`, {}, 200);
    expect(checked).toMatchObject({ status: 'auth_error' });
    await write(here.root, { a: 'a' });
    expect(await desk.ended((await desk.copy(here.id, wrong)).id)).toMatchObject({
      status: 'failed',
      retryCount: 0,
      errorCode: 'transfer_auth',
    });
    expect(await side.tree()).toEqual({});
    const good = await desk.call<{ status: string }>('POST', `/api/remotes/${there}/check`, {}, 200);
    expect(good).toMatchObject({ status: 'online' });
  });

  it('use the password that is right when they start', async () => {
    await write(here.root, { a: 'a' });
    expect(await desk.ended((await desk.copy(here.id, there)).id)).toMatchObject({ status: 'completed' });
    await write(here.root, { b: 'b' });
    await side.changePassword('the second password');
    const early = await desk.ended((await desk.copy(here.id, there)).id);
    expect(early).toMatchObject({ status: 'failed', retryCount: 0, errorCode: 'transfer_auth' });
    const secret = type === 's3' ? 'secretAccessKey' : 'password';
    const change = { secrets: { [secret]: 'the second password' } };
    await desk.call('PATCH', `/api/remotes/${there}`, change, 200);
    await desk.call('POST', `/api/jobs/${early.id}/retry`, {}, 200);
    expect(await desk.ended(early.id)).toMatchObject({ status: 'completed' });
    expect(Object.keys(await side.tree()).toSorted()).toEqual(['a', 'b']);
  });

  it('wait while the far side is away, and go on by themselves', async () => {
    await write(here.root, { a: 'a' });
    await side.stop();
    const { id } = await desk.copy(here.id, there, {});
    const waiting = await desk.reach(id, ({ retryCount }) => retryCount > 0, 'another attempt to come');
    expect(waiting).toMatchObject({ status: 'pending', errorCode: 'transfer_temporary' });
    const checked = await desk.call<{ status: string }>('POST', `/api/remotes/${there}/check`, {}, 200);
    expect(checked).toMatchObject({ status: 'offline' });
    await desk.call('POST', `/api/jobs/${id}/cancel`, {}, 200);
    side = await startFarSide(type);
  });

  describe.skipIf(type !== 's3' && !smallDisks)('whose disk is full', () => {
    it('fail visibly and lose nothing', async () => {
      await side.stop();
      side = type === 's3' ? await S3FarSide.start() : await ServedFarSide.start(type, { diskSize: MiB });
      if (side instanceof S3FarSide) side.isFull = true;
      const full = await desk.remoteAt(side);
      await write(here.root, blobs(3, 2 * MiB));
      const before = await tree(here.root);
      const { id } = await desk.copy(here.id, full, {}, 'move');
      const job = await desk.endedInHaste(id);
      expect(job).toMatchObject({ status: 'failed' });
      expect(job.error).toMatch(/space|full|could not|fail/i);
      expect(await tree(here.root)).toEqual(before);
    });
  });
});
