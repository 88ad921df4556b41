import { SettingsError } from '../kernel/config/index.js';
import { DatabaseUnusableError } from '../kernel/database/open-database.js';

/** A command cannot do what was asked; the message is for the person who asked. */
export class CommandError extends Error {}

export const noSuchAccount = (name: string): CommandError =>
  new CommandError(`There is no account with the e-mail or username ${name}.`);

/** What the operator can mend is told in words; anything else is a bug and shows its trace. */
export function explainFailure(error: unknown): string {
  const known = [CommandError, SettingsError, DatabaseUnusableError];
  if (known.some((kind) => error instanceof kind)) return (error as Error).message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
