import { z } from 'zod';
import { instantOut, oneOf, textOf } from '../../../kernel/http/index.js';
import { boundedObject } from '../bounded-object.js';
import { THEMES } from './user-preferences.entity.js';

/** Of one object of settings, as JSON. */
export const SETTINGS_MAX_BYTES = 16_384;

const settings = boundedObject(SETTINGS_MAX_BYTES);

/** A language tag as BCP 47 writes it: `fa`, `ko`, `pt-BR`, `zh-Hans`. Kept in its canonical form. */
const language = textOf(2, 35).transform((tag, context) => {
  try {
    return Intl.getCanonicalLocales(tag)[0] ?? z.NEVER;
  } catch {
    context.addIssue({ code: 'custom', message: 'must be a language tag such as en, fa or pt-BR' });
    return z.NEVER;
  }
});

const timezone = z
  .string({ error: 'must be a text' })
  .refine((name) => name.length <= 64 && isZone(name), 'must be an IANA time zone such as Asia/Tehran');

/** JSON Merge Patch (RFC 7396): what is absent stays, `null` goes back to the default, objects are merged. */
export const preferencesPatch = z.strictObject({
  theme: oneOf(THEMES).nullish(),
  language: language.nullish(),
  timezone: timezone.nullish(),
  notifications: settings.nullish(),
  uiSettings: settings.nullish(),
  apiSettings: settings.nullish(),
  preferences: settings.nullish(),
});
export type PreferencesPatch = z.output<typeof preferencesPatch>;

const object = z.record(z.string(), z.unknown());
export const preferencesView = z
  .object({
    theme: z.enum(THEMES),
    language: z.string(),
    timezone: z.string(),
    notifications: object,
    uiSettings: object,
    apiSettings: object,
    preferences: object,
    /** Null while they are the defaults. */
    updatedAt: instantOut.nullable(),
  })
  .meta({ id: 'Preferences' });
export type PreferencesView = z.output<typeof preferencesView>;

function isZone(name: string): boolean {
  // Newer runtimes also take bare offsets such as +05:30, which know no daylight saving.
  if (!/^[A-Za-z][A-Za-z0-9_+\-/]*$/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
