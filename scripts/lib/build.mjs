import { writeFileSync } from 'node:fs';
import { contentHash, inProject, readIfThere, say, ScriptError } from './project.mjs';
import { withLock } from './lock.mjs';
import { run } from './run.mjs';

const STAMP = inProject('dist/.steward-source-hash');
const SOURCES = [
  'src',
  'migrations',
  'seeds',
  'bench',
  'test/faults',
  'test/harness/client.ts',
  'test/harness/process.ts',
  'test/harness/redis-server.ts',
  'test/harness/until.ts',
  'tsconfig.json',
  'tsconfig.build.json',
  'nest-cli.json',
  'package-lock.json',
];

/** Builds dist/ unless it was built from exactly these sources. Throws ScriptError when they do not compile. */
export async function ensureBuild() {
  if (isCurrent()) return;
  await withLock(inProject('.steward-setup.lock'), buildUnlessCurrent, sayWaiting);
}

/** Builds whatever is there: npm run build. */
export async function buildAnew() {
  await withLock(inProject('.steward-setup.lock'), build, sayWaiting);
}

function isCurrent() {
  return readIfThere(STAMP) === sourceHash();
}

function sayWaiting() {
  say('Another process is setting up this checkout; waiting for it before building.');
}

async function buildUnlessCurrent() {
  if (!isCurrent()) await build(); // else the process that was waited for did it
}

async function build() {
  const hash = sourceHash(); // of before: a file saved meanwhile causes another build next time
  say('Building ...');
  const args = [inProject('node_modules/@nestjs/cli/bin/nest.js'), 'build'];
  const result = await run(process.execPath, args, { what: 'building' });
  if (!result.ok) throw new ScriptError('The build failed; the compiler says why above.');
  writeFileSync(STAMP, hash);
  say(`Built in ${result.seconds.toFixed(0)} s.`);
}

/** tsconfig.build.json leaves the tests out too. */
function sourceHash() {
  return contentHash(SOURCES, (file) => /\.(spec|medium)\.ts$/.test(file));
}
