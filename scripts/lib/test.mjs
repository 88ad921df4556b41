import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ensureBuild } from './build.mjs';
import { ensureDependencies } from './dependencies.mjs';
import { main } from './main.mjs';
import { findProgram } from './programs.mjs';
import { inProject, readIfThere, root, say } from './project.mjs';
import { rclonePresent } from './rclone.mjs';
import { countResults, summaryLine } from './test-report.mjs';

export async function prepareAndTest(args) {
  let counts = { passed: 0, failed: 1, skipped: 0 }; // what is said when no test could be run
  const ok = await main(async () => {
    process.chdir(root);
    await ensureDependencies();
    await ensureBuild();
    const result = await runVitest(args);
    counts = result.counts;
    const problems = [...result.problems, ...missingInCi()];
    for (const line of result.notRun) say(`NOT RUN: ${line}`);
    for (const problem of problems) say(`FAILED: ${problem}`);
    if (problems.length === 0) return;
    process.exitCode = 1;
    counts.failed ||= 1; // nobody may read "0 failed" from a run that failed as a whole
  });
  if (!ok) process.exitCode = 1;
  process.stdout.write(`${summaryLine(counts)}\n`);
}

async function runVitest(args) {
  const directory = mkdtempSync(path.join(tmpdir(), 'steward-test-'));
  const [report, notRun] = [path.join(directory, 'report.json'), path.join(directory, 'not-run.txt')];
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    const command = [inProject('node_modules/vitest/vitest.mjs'), 'run', ...reporters, ...args];
    const env = { ...process.env, STEWARD_TEST_NOT_RUN_FILE: notRun };
    const child = spawn(process.execPath, command, {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      env,
    });
    // A signal reaches vitest too; this process stays to say how it ended.
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => child.kill(signal));
    const [code, signal] = await once(child, 'close');
    const text = readIfThere(report);
    const counts = countResults(text === undefined ? undefined : JSON.parse(text));
    const problems = [];
    if (signal !== null) problems.push(`the tests were ended by ${signal}`);
    else if (text === undefined) problems.push('the tests ended without a report; the reason is above');
    else if (code !== 0) problems.push('vitest reports failures; they are above');
    if (counts.failed + counts.passed === 0) problems.push('no test was run');
    return { counts, problems, notRun: uniqueLines(readIfThere(notRun) ?? '') };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function uniqueLines(text) {
  return [...new Set(text.split('\n'))].filter((line) => line !== '');
}

/** On a continuous integration machine everything has to be there, or nobody notices that tests stopped running. */
function missingInCi() {
  if (process.env.CI !== 'true') return [];
  const present = { 'redis-server': findProgram('redis-server') !== undefined, rclone: rclonePresent() };
  return Object.entries(present)
    .filter(([, there]) => !there)
    .map(([name]) => `CI=true, but ${name} is not installed`);
}
