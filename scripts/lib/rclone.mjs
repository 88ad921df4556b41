import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { findProgram } from './programs.mjs';
import { inProject, say } from './project.mjs';
import { run } from './run.mjs';
import { booleanSetting, setting } from './settings.mjs';

const BY_HAND =
  'Install it from https://rclone.org/install/ or set RCLONE_PATH; jobs that copy files need it.';
const ATTEMPT = inProject('node_modules/.cache/steward/rclone-install-failed');
const DAY_MS = 24 * 60 * 60 * 1000;

export function rclonePresent() {
  return findProgram(setting('RCLONE_PATH') ?? 'rclone') !== undefined;
}

/**
 * Installs rclone through the system's package manager where that may be done without asking anybody, unless
 * STEWARD_INSTALL_PACKAGES=false; otherwise says in one line how to. Never throws: Steward starts without it.
 */
export async function ensureRclone() {
  if (rclonePresent()) return;
  if (setting('RCLONE_PATH') !== undefined) return say(`RCLONE_PATH names no program. ${BY_HAND}`);
  if (!booleanSetting('STEWARD_INSTALL_PACKAGES', true)) return say(`rclone is not installed. ${BY_HAND}`);
  const steps = await installSteps();
  if (steps === undefined) return say(`rclone is not installed. ${BY_HAND}`);
  if (failedToday()) return say(`rclone could not be installed earlier today. ${BY_HAND}`);
  say('Installing rclone through the package manager (STEWARD_INSTALL_PACKAGES=false turns this off) ...');
  for (const { command, env } of steps) {
    const [file, ...args] = command;
    const options = { what: 'installing rclone', quiet: true, timeoutMs: 180_000 };
    const result = await run(file, args, { ...options, env: { ...process.env, ...env } });
    if (!result.ok) {
      rememberFailure();
      const lines = result.output.trim().split('\n').slice(-3).join(' / ') || 'it took too long';
      return say(`rclone could not be installed: ${lines}. ${BY_HAND}`);
    }
  }
  say('rclone installed.');
}

/** Undefined where no package manager may be used without a password. */
async function installSteps() {
  if (process.platform === 'darwin') {
    return findProgram('brew') && [{ command: ['brew', 'install', '--quiet', 'rclone'] }];
  }
  if (process.platform !== 'linux' || findProgram('apt-get') === undefined) return undefined;
  const prefix = await administrator();
  if (prefix === undefined) return undefined;
  const apt = (...args) => ({
    command: [
      ...prefix,
      'env',
      'DEBIAN_FRONTEND=noninteractive',
      'apt-get',
      '-o',
      'DPkg::Lock::Timeout=60',
      ...args,
    ],
  });
  return [
    apt('update'),
    apt('install', '-y', '--no-upgrade', '--no-install-recommends', 'rclone', 'ca-certificates'),
  ];
}

async function administrator() {
  if (process.getuid() === 0) return [];
  if (findProgram('sudo') === undefined) return undefined;
  const allowed = await run('sudo', ['-n', 'true'], { quiet: true, timeoutMs: 5000 });
  return allowed.ok ? ['sudo', '-n'] : undefined;
}

/** Without this every start on a machine without a network would try again and take minutes. */
function failedToday() {
  const attempt = statSync(ATTEMPT, { throwIfNoEntry: false });
  return attempt !== undefined && Date.now() - attempt.mtimeMs < DAY_MS;
}

function rememberFailure() {
  mkdirSync(path.dirname(ATTEMPT), { recursive: true });
  writeFileSync(ATTEMPT, '');
}
