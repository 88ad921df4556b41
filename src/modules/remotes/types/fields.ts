import { createPrivateKey } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';
import { z } from 'zod';

/** No option needs more; rclone is not to be given what fills its memory. */
export const MAX_VALUE_BYTES = 16_384;

/** Controls, the C1 block included: an option is one line, and a line break begins another option of a file. */
const CONTROL = /[\p{Cc}\u2028\u2029]/u;
const LONE_SURROGATE = /\p{Surrogate}/u;

const sized = (least: number, most: number) =>
  z
    .string({ error: 'must be a text' })
    .min(least, 'must not be empty')
    .max(most, `must have at most ${most} characters`)
    .refine((value) => Buffer.byteLength(value) <= MAX_VALUE_BYTES, 'must have at most 16 KiB')
    .refine((value) => !LONE_SURROGATE.test(value), 'must be valid Unicode');

/** One line of text in any writing, kept as it is: spaces count in a password. */
export const line = (most = 1_000) =>
  sized(1, most).refine((value) => !CONTROL.test(value), 'must not contain control characters');

/** Words of the far side: letters, digits and what else `more` names (inside a character class). */
export const token = (most: number, more = '_-') =>
  line(most).regex(new RegExp(`^[A-Za-z0-9${more}]+$`), 'contains a character that does not occur there');

/**
 * The host as rclone is to be given it: ASCII, lower case, a name or a plain address. Null for everything else, also
 * for addresses written in another way (`0x7f.1`, `2130706433`, `0177.0.0.1`), which programs read differently.
 */
export function plainHost(value: string): string | null {
  const bare = value.startsWith('[') && value.endsWith(']') ? value.slice(1, -1) : value;
  if (isIPv6(bare)) return bare.includes('%') ? null : bare.toLowerCase();
  // Elsewhere these end a host, and what is behind them would silently be dropped.
  if (/[\s/\\:@?#%[\]<>^|]/.test(value)) return null;
  const name = domainToASCII(value).toLowerCase();
  if (isIPv4(name)) return value === name ? name : null;
  const labels = name.split('.');
  if (name.length > 253 || /^(?:\d+|0x[\da-f]*)$/.test(labels.at(-1) ?? '')) return null;
  return labels.every((label) => /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label)) ? name : null;
}

export const host = line(253)
  .transform((value, context) => {
    const plain = plainHost(value);
    if (plain !== null) return plain;
    context.addIssue({ code: 'custom', message: 'must be the name or the address of a host' });
    return z.NEVER;
  })
  .meta({ type: 'string', maxLength: 253, description: 'A name or an address, without a port.' });

export const port = z.int({ error: 'must be a whole number' }).min(1).max(65_535);
export const yesNo = z.boolean({ error: 'must be true or false' });

interface UrlRules {
  /** Scheme, host and port alone. */
  readonly originOnly?: boolean;
  /** A query is part of it. */
  readonly query?: boolean;
}

/** An address of the web in its plain form, without credentials, which would be shown with it. */
export const webAddress = ({ originOnly = false, query = false }: UrlRules = {}) =>
  line(2_000)
    .transform((value, context) => {
      const problem = urlProblem(value, originOnly, query);
      if (problem !== null) {
        context.addIssue({ code: 'custom', message: problem });
        return z.NEVER;
      }
      const url = new URL(value);
      return originOnly ? url.origin : url.href;
    })
    .meta({
      type: 'string',
      format: 'uri',
      maxLength: 2_000,
      description: 'An address with https or http.',
    });

function urlProblem(value: string, originOnly: boolean, query: boolean): string | null {
  if (!/^https?:\/\/[^/\\]/i.test(value) || !URL.canParse(value))
    return 'must be an address that begins with https:// or http://';
  // Browsers read it as a slash, other programs as part of a user's name: they would not agree on the host.
  if (value.includes('\\')) return 'must not contain a backslash';
  const url = new URL(value);
  if (url.username !== '' || url.password !== '') return 'must not contain a user or a password';
  if (url.hash !== '' || value.includes('#')) return 'must not contain #';
  if (!query && value.includes('?')) return 'must not contain a query';
  if (originOnly && url.pathname !== '/') return 'must end after the host and the port';
  // What the parser has made of the host is what is stored and used, so tricks of writing end here.
  return plainHost(url.hostname) === null ? 'must name a host' : null;
}

/** A PEM private key, also several lines of it. Stored with plain line ends. */
export const privateKey = sized(1, MAX_VALUE_BYTES)
  .transform((value) => `${value.replace(/\r\n?/g, '\n').trim()}\n`)
  .refine(
    (value) =>
      /^-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----\n[A-Za-z0-9+/=:,\- \n]+\n-----END \1-----\n$/.test(value),
    'must be a private key in PEM form',
  )
  .meta({ type: 'string', maxLength: MAX_VALUE_BYTES });

const shortText = line(8_000);

/** What `rclone authorize` prints: the token of an OAuth login. Anything else in it is dropped. */
export const oauthToken = json(
  z.object({
    access_token: shortText,
    token_type: shortText.optional(),
    refresh_token: shortText.optional(),
    expiry: z.iso.datetime({ offset: true }).optional(),
  }),
  'must be the token as `rclone authorize` prints it',
);

const GOOGLE_TOKEN_ADDRESSES = [
  'https://oauth2.googleapis.com/token',
  'https://accounts.google.com/o/oauth2/token',
  'https://www.googleapis.com/oauth2/v4/token',
] as const;

/**
 * The key file of a Google service account, as text. Only its own fields and Google's own addresses: other kinds of
 * credentials read files, run programs and ask addresses that they name.
 */
export const serviceAccount = json(
  z.object({
    type: z.literal('service_account'),
    project_id: shortText.optional(),
    private_key_id: shortText.optional(),
    private_key: z.string().max(8_000).refine(isPrivateKey),
    client_email: shortText,
    client_id: shortText.optional(),
    token_uri: z.enum(GOOGLE_TOKEN_ADDRESSES),
  }),
  'must be the JSON key of a Google service account',
);

/** JSON in a text, stored again with only the fields of `schema`. */
function json(schema: z.ZodType<object>, message: string) {
  return sized(2, MAX_VALUE_BYTES)
    .transform((value, context) => {
      const parsed = schema.safeParse(parsedJson(value));
      if (parsed.success) return JSON.stringify(parsed.data);
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    })
    .meta({ type: 'string', maxLength: MAX_VALUE_BYTES });
}

function parsedJson(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}

function isPrivateKey(value: string): boolean {
  try {
    createPrivateKey(value);
    return true;
  } catch {
    return false;
  }
}
