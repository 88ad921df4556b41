import { randomBytes } from 'node:crypto';
import { mkdir, readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RemoteView } from '../../src/modules/remotes/remotes.schema.js';
import { startFarSide, type FarSide } from '../far-sides/index.js';
import { rclonePresent } from '../harness/capabilities.js';
import { createTestDatabase, type TestDatabase } from '../harness/database.js';
import { FilePerson } from '../harness/file-person.js';
import { hashOf } from '../harness/files.js';
import { StewardProcess, scratch } from '../harness/process.js';

const PASSWORD = 'the password of the tests';
const MiB = 1024 * 1024;
const FILE = 'a folder/한글.bin';

/**
 * Processes do not know of each other's uploads: what is at the path afterwards is one of the two contents, whole,
 * and nothing is left beside it.
 */
describe.skipIf(!rclonePresent())('two uploads to one path through two processes', () => {
  let database: TestDatabase;
  let directory: { path: string; remove: () => Promise<void> };
  const processes: StewardProcess[] = [];
  const sides: FarSide[] = [];
  let people: FilePerson[];

  beforeAll(async () => {
    database = await createTestDatabase();
    directory = await scratch();
    for (const _ of [1, 2])
      processes.push(
        StewardProcess.spawn({
          DATABASE_URL: database.url,
          STEWARD_ROLE: 'api',
          STEWARD_DATA_DIR: directory.path,
          STEWARD_SECRET: 'one signing secret for every process of the test',
          STEWARD_ADMIN_PASSWORD: PASSWORD,
          STEWARD_REMOTES_ALLOWED_HOSTS: '127.0.0.1',
        }),
      );
    people = await Promise.all(
      processes.map(async (one) => FilePerson.login(await one.url(), 'admin@steward.local', PASSWORD)),
    );
  });
  afterAll(async () => {
    await Promise.all(processes.map((one) => one.end('SIGKILL')));
    await Promise.all(sides.map((side) => side.stop()));
    await database.drop();
    await directory.remove();
  });

  /** Uploads through both at the same time, several times; answers with what was wrong afterwards. */
  async function race(remote: RemoteView, look: () => Promise<Record<string, string>>): Promise<unknown[]> {
    const wrong: unknown[] = [];
    for (let round = 0; round < 6; round++) {
      // Of different lengths, so that a mixture would be seen in the size alone.
      const contents = [randomBytes(2 * MiB), randomBytes(3 * MiB)];
      const answers = await Promise.all(
        contents.map((content, index) => people[index]!.upload(remote, `/${FILE}`, content)),
      );
      const told = contents.filter((_, index) => [200, 201].includes(answers[index]!.status)).map(hashOf);
      const files = await look();
      // Somebody was told that it worked, and what is there is whole and of somebody who was told so.
      const isRight = Object.keys(files).join() === FILE && told.includes(files[FILE]!);
      const isKnown = answers.every(({ status }) => [200, 201, 409, 503].includes(status));
      if (!isRight || !isKnown) wrong.push({ round, answers, files, sent: contents.map(hashOf) });
    }
    return wrong;
  }

  it('to a folder of the server', async () => {
    const root = path.join(directory.path, 'files/two');
    await mkdir(root, { recursive: true });
    const remote = await people[0]!.makeRemote({ name: 'two', type: 'local', root });
    const look = async (): Promise<Record<string, string>> => {
      const names = await readdir(path.join(root, 'a folder'));
      return Object.fromEntries(
        await Promise.all(
          names.map(async (name) => {
            const content = await readFile(path.join(root, 'a folder', name));
            return [`a folder/${name}`, hashOf(content)] as const;
          }),
        ),
      );
    };
    expect(await race(remote, look)).toEqual([]);
  });

  // S3 keeps an object whole or not at all, which its test server does not: it writes both into one file.
  it.each(['sftp', 'webdav'] as const)('to %s', async (type) => {
    const side = await startFarSide(type);
    sides.push(side);
    const remote = await people[0]!.makeRemote(side.body(`two ${type}`));
    const look = async (): Promise<Record<string, string>> => {
      const files = Object.entries(await side.tree()).filter(([, hash]) => hash !== null);
      return Object.fromEntries(files as [string, string][]);
    };
    expect(await race(remote, look)).toEqual([]);
  });
});
