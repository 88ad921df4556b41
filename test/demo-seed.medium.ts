import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { demoFiles } from '../seeds/demo-files.js';
import { seedDemo, type DemoReport } from '../seeds/demo.js';
import { TestApp } from './harness/app.js';

const NOTHING: DemoReport = { demo: false, demoUser: null };
let app: TestApp;
afterEach(() => app.stop());

const root = (): string => app.settings.localRoots[0] ?? '';
const seed = (): Promise<DemoReport> => seedDemo(app.context, app.settings);
const names = async (what: 'remotes' | 'schedules'): Promise<string[]> => {
  const { body } = await app.call<{ items: { name: string }[] }>('GET', `/api/${what}`);
  return body.items.map(({ name }) => name).toSorted();
};

async function expectDemo(): Promise<void> {
  expect(await names('remotes')).toEqual(['backups', 'samples']);
  expect(await names('schedules')).toEqual(['Back up the samples']);
  for (const [name, content] of demoFiles()) {
    const written = await readFile(path.join(root(), 'samples', name));
    expect(written.equals(Buffer.from(content)), name).toBe(true);
  }
}

it('is given once, also to processes that start together', async () => {
  app = await TestApp.start();
  const reports = await Promise.all([seed(), seed(), seed()]);
  const given = reports.filter(({ demo }) => demo);
  expect(given).toHaveLength(1);
  await expectDemo();
  expect(await seed()).toEqual(NOTHING);
  const user = given[0]?.demoUser;
  const login = await app.call('POST', '/api/auth/login', {
    token: null,
    body: { identifier: user?.email, password: user?.password },
  });
  expect(login).toMatchObject({ status: 200, body: { user: { role: 'user', username: 'demo' } } });
});

it('goes on where an interrupted start left it', async () => {
  app = await TestApp.start();
  const place = path.join(root(), 'samples');
  await app.call('POST', '/api/remotes', { body: { type: 'local', name: 'samples', root: place } });
  await writeFile(path.join(place, 'welcome.en.txt.part'), 'Welc');
  expect((await seed()).demo).toBe(true);
  await expectDemo();
});

it('comes to no database with people of its own', async () => {
  app = await TestApp.start();
  await app.user();
  expect(await seed()).toEqual(NOTHING);
  expect([await names('remotes'), await names('schedules')]).toEqual([[], []]);
});
