import { parseEnv } from 'node:util';
import { inProject, readIfThere, ScriptError } from './project.mjs';

/** A setting as Steward itself will see it: the environment wins over the file .env. */
export function setting(name) {
  const fromEnvironment = process.env[name];
  if (fromEnvironment !== undefined && fromEnvironment !== '') return fromEnvironment;
  const file = readIfThere(inProject('.env'));
  const fromFile = file === undefined ? undefined : parseEnv(file)[name];
  return fromFile === '' ? undefined : fromFile;
}

/** Throws ScriptError for a value that is neither yes nor no. */
export function booleanSetting(name, preset) {
  const text = setting(name)?.toLowerCase();
  if (text === undefined) return preset;
  if (['true', '1', 'yes', 'on'].includes(text)) return true;
  if (['false', '0', 'no', 'off'].includes(text)) return false;
  throw new ScriptError(`${name} must be true or false, not "${text}".`);
}
