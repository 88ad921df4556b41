import { lstatSync, writeFileSync } from 'node:fs';
import { contentHash, inProject, readIfThere, say, ScriptError } from './project.mjs';
import { withLock } from './lock.mjs';
import { run } from './run.mjs';

const STAMP = inProject('node_modules/.steward-lock-hash');

/** Installs exactly what package-lock.json says, unless that is what is there. */
export async function ensureDependencies() {
  if (areCurrent()) return;
  await withLock(inProject('.steward-setup.lock'), install, sayWaiting);
}

function areCurrent() {
  if (isLinked()) return true;
  const wanted = lockHash();
  if (readIfThere(STAMP) === wanted) return true;
  if (!matchesLockFile()) return false;
  // Somebody ran npm by hand: nothing to do, and no need for a network.
  writeFileSync(STAMP, wanted);
  return true;
}

function sayWaiting() {
  say('Another process is installing the dependencies; waiting for it.');
}

async function install() {
  if (areCurrent()) return; // the process that was waited for did it
  say('Installing dependencies from package-lock.json (about half a minute) ...');
  const [file, ...first] = npmCommand();
  // NODE_ENV=production would leave out the compiler.
  const args = [...first, 'ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund'];
  const result = await run(file, args, { what: 'installing dependencies' });
  if (!result.ok) {
    throw new ScriptError(
      'Installing the dependencies failed; npm says why above. It needs the npm registry once.',
    );
  }
  writeFileSync(STAMP, lockHash());
  say(`Dependencies installed in ${result.seconds.toFixed(0)} s.`);
}

/** A linked node_modules belongs to another checkout; npm would empty it under that one's feet. */
function isLinked() {
  return lstatSync(inProject('node_modules'), { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

function lockHash() {
  return contentHash(['package-lock.json']);
}

/** Compares with the list npm keeps of what it installed; packages for other platforms may be missing there. */
function matchesLockFile() {
  const installed = packagesOf('node_modules/.package-lock.json');
  const wanted = packagesOf('package-lock.json');
  if (installed === undefined || wanted === undefined) return false;
  delete wanted[''];
  const missing = Object.entries(wanted).some(
    ([place, { version, optional, devOptional }]) =>
      !(optional || devOptional) && installed[place]?.version !== version,
  );
  const foreign = Object.entries(installed).some(
    ([place, { version }]) => wanted[place]?.version !== version,
  );
  return !missing && !foreign;
}

function packagesOf(file) {
  const text = readIfThere(inProject(file));
  return text === undefined ? undefined : JSON.parse(text).packages;
}

/** The npm that started this script, else the one on PATH. */
function npmCommand() {
  const running = process.env.npm_execpath;
  return running?.endsWith('npm-cli.js') ? [process.execPath, running] : ['npm'];
}
