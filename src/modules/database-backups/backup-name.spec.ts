import { expect, it } from 'vitest';
import { backupName, madeAt } from './backup-name.js';

it('names a moment, to the second and in UTC', () => {
  const name = backupName(new Date('2026-11-21T02:00:07.900Z'));
  expect(name).toBe('steward_20261121_020007.sql.gz');
  expect(madeAt(name)).toEqual(new Date('2026-11-21T02:00:07Z'));
});

it.each([
  '',
  'notes.txt',
  'steward_20261321_020007.sql.gz',
  'steward_20261121.sql.gz',
  'x/steward_20261121_020007.sql.gz',
])('takes %j for no backup', (name) => expect(madeAt(name)).toBeNull());
