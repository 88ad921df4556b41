import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../..');
const COPIED = [
  'bench',
  'migrations',
  'package.json',
  'scripts',
  'seeds',
  'src',
  'test',
  'tsconfig.json',
  'vitest.config.ts',
  '.oxlintrc.json',
  '.prettierrc.json',
];

/** A copy of the project, so that what is written into it disturbs nobody. */
let project: string;
beforeAll(async () => {
  project = await realpath(await mkdtemp(path.join(tmpdir(), 'steward-new-job-')));
  const present = await readdir(ROOT);
  for (const name of COPIED.filter((one) => present.includes(one)))
    await cp(path.join(ROOT, name), path.join(project, name), { recursive: true });
  for (const name of ['node_modules', 'dist'])
    await symlink(await realpath(path.join(ROOT, name)), path.join(project, name));
});
afterAll(() => rm(project, { recursive: true, force: true }));

interface Ended {
  readonly code: number;
  readonly output: string;
}

function run(program: string, ...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [program, ...args],
      { cwd: project, maxBuffer: 10_000_000 },
      (error, out, err) => resolve({ code: error ? 1 : 0, output: out + err }),
    );
  });
}
const program = (name: string) => path.join('node_modules', name);
const newJob = (...args: string[]) => run('scripts/new-job.mjs', ...args);
const read = (file: string) => readFile(path.join(project, file), 'utf8');
const tasks = () => readdir(path.join(project, 'src/modules/tasks'));

describe('npm run new:job', () => {
  it.each([
    [[], '--module is missing'],
    [['--module', 'tasks'], '--name is missing'],
    [
      ['--module', 'nothing', '--name', 'export-report'],
      'There is no module "nothing". Job types can be in: ',
    ],
    [['--module', '../tasks', '--name', 'export-report'], 'There is no module "../tasks"'],
    [['--module', 'users', '--name', 'export-report'], 'users may not import jobs'],
    [['--module', 'tasks', '--name', 'copy'], 'There is a job type "copy" already, in src/modules/remotes/'],
    [['--module', 'tasks', '--name', 'Export-Report'], 'is no name for a job type'],
    [['--module', 'tasks', '--name', 'export_report'], 'is no name for a job type'],
    [['--module', 'tasks', '--name', 'export:report'], 'is no name for a job type'],
    [['--module', 'tasks', '--name', '../export'], 'is no name for a job type'],
    [['--module', 'tasks', '--name', 'گزارش'], 'is no name for a job type'],
    [['--module', 'tasks', '--name', 'a'.repeat(51)], 'is no name for a job type'],
    [['--modul', 'tasks'], 'Use it like this'],
  ])('refuses %j and says why', async (args, message) => {
    const before = await tasks();
    const { code, output } = await newJob(...args);
    expect([code, output]).toEqual([1, expect.stringContaining(message)]);
    expect(output).not.toContain('    at '); // no trace
    expect(await tasks()).toEqual(before);
  });

  it('writes a job type and its test, and adds it to the module', async () => {
    const { code, output } = await newJob('--module', 'tasks', '--name', 'export-report');
    expect([code, output]).toEqual([0, expect.stringContaining('src/modules/tasks/export-report.job.ts')]);
    expect(await tasks()).toEqual(
      expect.arrayContaining(['export-report.job.ts', 'export-report.medium.ts']),
    );
    const module = await read('src/modules/tasks/tasks.module.ts');
    expect(module).toContain(`import { ExportReportJob } from './export-report.job.js';`);
    expect(module).toMatch(/providers: \[[^\]]*ExportReportJob,?\s*\]/);
    const again = await newJob('--module', 'tasks', '--name', 'export-report');
    expect([again.code, again.output]).toEqual([1, expect.stringContaining('already')]);
    expect(await read('src/modules/tasks/tasks.module.ts')).toBe(module);
  });

  it('may be given a name that is a word of the language', async () => {
    expect((await newJob('--module', 'remotes', '--name', 'switch')).code).toBe(0);
    expect(await read('src/modules/remotes/switch.job.ts')).toContain('export const switchType = defineJob');
    expect(await read('src/modules/remotes/remotes.module.ts')).toMatch(/^    SwitchJob,$/m);
  });

  it('says what to add where it does not understand the module', async () => {
    const file = path.join(project, 'src/modules/mail/mail.module.ts');
    const before = await readFile(file, 'utf8');
    const odd = before.replace(/providers: \[[^\]]*\]/, 'providers: SOMEWHERE_ELSE');
    expect(odd).not.toBe(before);
    await writeFile(file, odd);
    const { code, output } = await newJob('--module', 'mail', '--name', 'count-mails');
    expect([code, output]).toEqual([0, expect.stringContaining('add to it:')]);
    expect(await readFile(file, 'utf8')).toBe(odd);
    await writeFile(file, before);
    await rm(path.join(project, 'src/modules/mail/count-mails.job.ts'));
    await rm(path.join(project, 'src/modules/mail/count-mails.medium.ts'));
  });
});

describe('what it has written', () => {
  const WRITTEN = [
    'src/modules/tasks/export-report.job.ts',
    'src/modules/tasks/export-report.medium.ts',
    'src/modules/tasks/tasks.module.ts',
    'src/modules/remotes/switch.job.ts',
    'src/modules/remotes/switch.medium.ts',
    'src/modules/remotes/remotes.module.ts',
  ];

  it('compiles', { timeout: 240_000 }, async () => {
    // Beside them what says which values the test services provide.
    const files = [...WRITTEN, 'test/harness/services.ts'];
    const config = { extends: './tsconfig.json', include: [], files };
    await writeFile(path.join(project, 'tsconfig.written.json'), JSON.stringify(config));
    const checked = await run(program('typescript/bin/tsc'), '--noEmit', '-p', 'tsconfig.written.json');
    expect(checked).toEqual({ code: 0, output: '' });
  });

  it('is formatted and passes the linter', { timeout: 120_000 }, async () => {
    const formatted = await run(program('prettier/bin/prettier.cjs'), '--check', ...WRITTEN);
    expect(formatted).toMatchObject({ code: 0 });
    const linted = await run(program('oxlint/bin/oxlint'), '--type-aware', '--deny-warnings', ...WRITTEN);
    expect(linted).toEqual({ code: 0, output: expect.stringContaining('0 warnings and 0 errors') });
  });

  it('keeps the rules of the house, and passes its own test untouched', { timeout: 240_000 }, async () => {
    const files = ['test/architecture.test.ts', 'src/modules/tasks/export-report.medium.ts'];
    const tested = await run(
      program('vitest/vitest.mjs'),
      'run',
      '--project',
      'spec',
      '--project',
      'medium',
      ...files,
    );
    expect(tested.output).toMatch(/Test Files .*2 passed/);
    expect(tested.code).toBe(0);
  });
});
