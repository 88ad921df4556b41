import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { root, say } from './project.mjs';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Runs a program to its end and tells every ten seconds that it still runs. With `quiet` its output is kept and
 * returned instead of shown. After `timeoutMs` the program is ended. Never rejects: `ok` says how it went. A signal
 * that ends this process ends the program first: left alone it would go on in a directory whose lock is free again.
 */
export function run(file, args, { what, quiet = false, timeoutMs, env = process.env } = {}) {
  const started = performance.now();
  const shown = quiet ? 'pipe' : 2; // to standard error, like everything these scripts say
  const options = { cwd: root, env, timeout: timeoutMs, shell: needsShell(file) };
  const child = spawn(file, args, { ...options, stdio: ['ignore', shown, shown] });
  let output = '';
  child.stdout?.on('data', (chunk) => (output += chunk));
  child.stderr?.on('data', (chunk) => (output += chunk));
  const reminder = setInterval(() => {
    if (what !== undefined) say(`  still ${what} (${Math.round((performance.now() - started) / 1000)} s)`);
  }, 10_000);
  const stop = (signal) => {
    child.kill(signal);
    process.exit(128 + constants.signals[signal]);
  };
  for (const signal of SIGNALS) process.once(signal, stop);
  return new Promise((resolve) => {
    const end = (ok) => {
      clearInterval(reminder);
      for (const signal of SIGNALS) process.off(signal, stop);
      resolve({ ok, output, seconds: (performance.now() - started) / 1000 });
    };
    child.once('error', (error) => {
      output += String(error);
      end(false);
    });
    child.once('close', (code) => end(code === 0));
    // Something it started may keep its output open for ever.
    child.once('exit', (code) => setTimeout(end, 1000, code === 0).unref());
  });
}

/** Windows finds npm only as npm.cmd, which only its shell can run. */
function needsShell(file) {
  return process.platform === 'win32' && file === 'npm';
}
