import type { TransferErrorKind } from './transfer-engine.js';

type Cause = Extract<
  TransferErrorKind,
  'auth' | 'not_supported' | 'exists' | 'not_found' | 'permission' | 'fatal' | 'temporary'
>;

/**
 * What rclone's texts mean, which have no codes: the first that matches. Each is what a backend of 1.60 says, or the
 * library or the system below it.
 */
const CAUSES: readonly (readonly [kind: Cause, pattern: RegExp])[] = [
  // First, because a busy service says so in the words of all the others.
  [
    'temporary',
    /status(?: code)?[:= ]+(?:429|50[0234])|\b(?:429 too many|50[0234] [a-z])|too ?many ?requests|slow ?down|service ?unavailable|rate ?limit/i,
  ],
  [
    'auth',
    /unable to authenticate|no supported methods remain|couldn't fetch token|invalid_grant|invalid_client|oauth2: (?:token expired|cannot fetch)|token (?:has )?expired|empty token found|expired_access_token|invalid_access_token/i,
  ],
  [
    'auth',
    /status(?: code)?[:= ]+401|\b401 unauthorized|unauthorized|invalidaccesskeyid|signaturedoesnotmatch|expiredtoken|authenticationfailed|invalid ?credentials|authentication failed|login (?:incorrect|failed)|^530 |: 530 /i,
  ],
  // A key that is none, or one for another password: nothing but a person changes it.
  [
    'auth',
    /failed to parse private key|couldn't parse private key|cannot decode (?:private )?key|illegal base64 data/i,
  ],
  [
    'not_supported',
    /doesn't support|not supported|unsupported|(?:is|are) read ?only$|read ?only remote|not implemented|can't (?:move|copy|rename|set)|status(?: code)?[:= ]+405|method not allowed/i,
  ],
  [
    'permission',
    /permission.?denied|operation not permitted|read-only file system|access ?denied|forbidden|status(?: code)?[:= ]+403/i,
  ],
  [
    'fatal',
    /no space left|remaining disk space|quota|insufficient (?:disk )?storage|storagefull|storage backend is full|status(?: code)?[:= ]+507|file too large/i,
  ],
  [
    'not_found',
    /(?:directory|object|file|bucket) not found|no such (?:file|directory|bucket|key)|does not exist|nosuchbucket|nosuchkey|status(?: code)?[:= ]+404|\b404 not found/i,
  ],
  ['exists', /file exists|already exists|not empty|is a directory|not a directory|is a file not/i],
  ['fatal', /file ?name too long|too many levels of symbolic links/i],
];

/** Unknown texts are held for temporary: an attempt too many costs little, giving up on a hiccup costs the work. */
export function causeOf(text: string): Cause {
  return CAUSES.find(([, pattern]) => pattern.test(text))?.[0] ?? 'temporary';
}
