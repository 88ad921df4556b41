import { expect, it } from 'vitest';
import { QueryFailedError } from 'typeorm';
import { Log } from './log.js';

it('shows neither the values of a statement that failed nor the row it was about', () => {
  const lines: string[] = [];
  const log = Log.create({ level: 'info', format: 'json' }, { write: (line) => void lines.push(line) });
  const cause = Object.assign(new Error('it failed'), { detail: 'Failing row contains (the-hash).' });
  log.error({ err: new QueryFailedError('insert into users values ($1)', ['the-hash'], cause) }, 'oops');
  log.error(Object.assign(new Error('raw'), { detail: 'Key (email)=(the-hash) exists.' }));
  expect(lines).toHaveLength(2);
  expect(lines.join('')).toContain('it failed');
  expect(lines.join('')).not.toContain('the-hash');
});
