import { describe, expect, it } from 'vitest';
import type { Read } from '../../../kernel/database/index.js';
import { UserError } from '../../../kernel/http/index.js';
import type { EngineRemote } from '../engine/transfer-engine.js';
import type { Standing, TreeVerdict } from '../permissions/remote-access.js';
import { parseRemotePath } from '../remote-path.js';
import type { RemotesService } from '../remotes.service.js';
import { FileClaims, type FileClaim } from './file-claims.js';

const ID = '00000000-0000-7000-8000-000000000001';
const remote: EngineRemote = { id: ID, type: 'local', root: '/srv', version: 1, options: {}, parts: [] };
const rule = { path: '/secret/**', allow: [], deny: ['read' as const] };
const hidden = [parseRemotePath('secret')];

/** Answers as told, by right; remembers what it was asked. */
function claimsWith(answers: Partial<Record<string, TreeVerdict>>): { claims: FileClaims; asked: string[] } {
  const asked: string[] = [];
  const standing: Pick<Standing, 'tree'> = {
    tree: (right, path) => {
      asked.push(`${right} /${path}`);
      return answers[right] ?? { answer: 'all' };
    },
  };
  const remotes = { forWork: async () => ({ remote, standing }) } as unknown as RemotesService;
  return { claims: new FileClaims(remotes), asked };
}

const claim = (more: Partial<FileClaim> = {}): FileClaim => ({
  side: 'source',
  place: { remoteId: ID, path: '/a' },
  rights: ['read'],
  writes: false,
  partly: 'leave',
  ...more,
});
const grant = (claims: FileClaims, ...wanted: FileClaim[]) =>
  claims.grant({} as Read, { type: 'system', name: 'a test' }, wanted);

describe('what a job claims', () => {
  it('is asked for each right at the place, and for managing at the root', async () => {
    const { claims, asked } = claimsWith({});
    const [place] = await grant(
      claims,
      claim({ rights: ['read', 'delete', 'admin'], below: 'name/current' }),
    );
    expect(asked).toEqual(['read /a/name/current', 'delete /a/name/current', 'admin /']);
    expect(place).toMatchObject({ path: 'a/name/current', hidden: [] });
  });

  it('leaves alone what rules hide, where the type can', async () => {
    const { claims } = claimsWith({ read: { answer: 'partial', hidden, rules: [rule] } });
    expect((await grant(claims, claim()))[0]?.hidden).toEqual(hidden);
  });

  it('is refused where part is hidden and the type needs all, naming the rules', async () => {
    const { claims } = claimsWith({ read: { answer: 'partial', hidden, rules: [rule] } });
    const refused = grant(claims, claim({ partly: 'refuse' }));
    await expect(refused).rejects.toMatchObject({ status: 403, code: 'remote_permission_required' });
    await expect(refused).rejects.toThrow(
      'You do not have the right to read everything at /a of the source remote, which this needs: because of the rules for /secret/**.',
    );
  });

  it('is refused where what is hidden cannot be said as a list', async () => {
    const { claims } = claimsWith({ read: { answer: 'partial', hidden: null, rules: [rule] } });
    await expect(grant(claims, claim())).rejects.toThrow('/secret/**');
  });

  it('is refused where nothing may be done', async () => {
    const none = claimsWith({ write: { answer: 'none', reason: 'right_missing', rules: [] } });
    await expect(grant(none.claims, claim({ rights: ['read', 'write'] }))).rejects.toThrow(
      'You do not have the right to write at /a of the source remote.',
    );
  });

  it.each(['/a/../b', '/．．/etc', '/a\nb', `/${'x'.repeat(4096)}`])('is refused at %j', async (path) => {
    const { claims, asked } = claimsWith({});
    const refused = grant(claims, claim({ place: { remoteId: ID, path } }));
    await expect(refused).rejects.toBeInstanceOf(UserError);
    await expect(refused).rejects.toMatchObject({ status: 400 });
    expect(asked).toEqual([]);
  });
});
