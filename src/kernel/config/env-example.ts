import type { SettingDefinition } from './setting.js';
import { SETTINGS } from './settings.schema.js';

const definitions = (): SettingDefinition[] => Object.values<SettingDefinition>(SETTINGS);

/** The text of `.env.example`; a test fails when the committed file differs (`npm run steward -- settings --write`). */
export function envExample(): string {
  const header =
    '# Every setting of Steward. All are optional: `npm run up` works without this file.\n' +
    '# Copy to .env and change what you need. NAME_FILE=/path reads the value of NAME from a file.\n';
  return (
    header +
    definitions()
      .map(({ env, help, example }) => `\n# ${help}\n# ${env}=${example}\n`)
      .join('')
  );
}

/** The configuration table of the README. */
export function settingsTable(): string {
  const rows = definitions().map(({ env, help, example }) => `| \`${env}\` | ${help} | \`${example}\` |`);
  return ['| Setting | Meaning | Example |', '| --- | --- | --- |', ...rows].join('\n') + '\n';
}

const BEGIN = '<!-- settings -->';
const END = '<!-- /settings -->';

/** `text` with the table between its two marks, or null when it does not have them. */
export function withSettingsTable(text: string): string | null {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) return null;
  // The formatter would pad the cells to the longest one.
  const table = `<!-- prettier-ignore-start -->\n${settingsTable()}<!-- prettier-ignore-end -->`;
  return `${text.slice(0, begin + BEGIN.length)}\n\n${table}\n\n${text.slice(end)}`;
}
