import type { AccountMailName } from '../auth/index.js';
import { TEXTS, type Language } from './languages.js';

/** Everything a mail says besides its words. */
export interface MailValues {
  readonly name: string | null;
  /** What the installation calls itself. */
  readonly app: string;
  /** When it happened. */
  readonly at: Date;
  /** In which the time is shown: an IANA name. */
  readonly timezone: string;
  readonly code: string | null;
  /** Where the code can be used with one click; null when there is only the code. */
  readonly link: string | null;
  readonly values: Readonly<Record<string, string | number>>;
}

export interface RenderedMail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** Around a value in text of the other direction, so that neither mixes up the other (Unicode isolates). */
const ISOLATE = '\u2068';
const END_ISOLATE = '\u2069';

/** Longest value that is shown: a name of hundreds of letters would bury what the mail is about. */
const MAX_VALUE = 255;

type Show = (value: string) => string;

/**
 * One mail, as plain text and as HTML from the same words. The values are data: they are escaped in HTML, isolated
 * from the direction of the text around them, never looked at for placeholders, and never part of the subject. A
 * placeholder without a value is a bug and throws.
 */
export function renderMail(mail: AccountMailName, language: Language, values: MailValues): RenderedMail {
  const texts = TEXTS[language];
  const { subject, before, action, after } = texts.mails[mail];
  const known = shownValues(language, values);
  const greeting = values.name === null ? texts.greetingWithoutName : texts.greeting;
  const code = values.code;
  const opening = [greeting, ...before];
  const closing = [...after, ...(code === null ? [texts.happened] : []), texts.footer];
  const codeIntro = values.link === null ? texts.codeAlone : texts.codeBesideLink;

  const plain = (text: string): string => filled(text, known, (value) => ISOLATE + value + END_ISOLATE);
  const rich = (text: string): string =>
    `<p>${filled(escapeHtml(text), known, (value) => `<bdi>${escapeHtml(value)}</bdi>`)}</p>`;
  const text = [
    ...opening.map(plain),
    ...(values.link === null ? [] : [`${plain(action ?? '')}:\n${values.link}`]),
    ...(code === null ? [] : [`${plain(codeIntro)}\n${code}`]),
    ...closing.map(plain),
  ].join('\n\n');
  const html = [
    ...opening.map(rich),
    ...(values.link === null ? [] : [button(values.link, action ?? '')]),
    ...(code === null ? [] : [rich(codeIntro), `<p><code dir="ltr">${escapeHtml(code)}</code></p>`]),
    ...closing.map(rich),
  ].join('\n');
  return { subject, text: `${text}\n`, html: page(language, texts.direction, subject, html) };
}

function shownValues(
  language: Language,
  { name, app, at, timezone, values }: MailValues,
): Record<string, string> {
  const numbers = new Intl.NumberFormat(language);
  const time = new Intl.DateTimeFormat(language, {
    dateStyle: 'long',
    timeStyle: 'short',
    timeZone: timezone,
  });
  const shown = Object.entries(values).map(([key, value]) => [
    key,
    typeof value === 'number' ? numbers.format(value) : value,
  ]);
  const all = {
    ...(Object.fromEntries(shown) as Record<string, string>),
    name: name ?? '',
    app,
    time: time.format(at),
    timezone,
  };
  return Object.fromEntries(Object.entries(all).map(([key, value]) => [key, oneLine(value)]));
}

/** In one pass: what a value holds is never taken for a placeholder. */
function filled(text: string, values: Readonly<Record<string, string>>, show: Show): string {
  return text.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`a mail has no value for {${name}}`);
    return show(value);
  });
}

const oneLine = (value: string): string =>
  Array.from(value.replaceAll(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]+/gu, ' '))
    .slice(0, MAX_VALUE)
    .join('');

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escapeHtml = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '');

const button = (link: string, words: string): string =>
  `<p><a href="${escapeHtml(link)}" style="display:inline-block;padding:10px 18px;border-radius:6px;background:#1f5fbf;color:#fff;text-decoration:none">${escapeHtml(words)}</a></p>`;

const page = (language: string, direction: string, title: string, body: string): string =>
  `<!doctype html>
<html lang="${language}" dir="${direction}">
<head><meta charset="utf-8"><title>${escapeHtml(title)}</title></head>
<body style="font-family:sans-serif;font-size:16px;line-height:1.5;color:#222;max-width:36em;margin:0 auto;padding:16px">
${body}
</body>
</html>
`;
