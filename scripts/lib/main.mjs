import { ScriptError, say } from './project.mjs';

/**
 * Runs a script; true when it succeeded. A ScriptError or an error of
 * the operating system becomes its one line, anything else keeps its stack trace.
 */
export async function main(script) {
  try {
    await script();
    return true;
  } catch (error) {
    say(error instanceof ScriptError || error?.syscall !== undefined ? error.message : error?.stack);
    process.exitCode = 1;
    return false;
  }
}
