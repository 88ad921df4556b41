import { describe, expect, it } from 'vitest';
import { ACCOUNT_MAILS } from '../auth/index.js';
import { LANGUAGES, TEXTS, wantedLanguage } from './languages.js';
import { renderMail, type MailValues } from './render-mail.js';
import type { MailTexts } from './texts/mail-texts.js';

const CODE = `at.019a0000-0000-7000-8000-000000000001.${'x'.repeat(43)}`;
const VALUES: MailValues = {
  name: 'سارا',
  app: 'Steward',
  at: new Date('2026-11-21T09:40:00Z'),
  timezone: 'Asia/Tehran',
  code: CODE,
  link: `https://app.test/verify-email#token=${CODE}`,
  values: {
    minutes: 30,
    hours: 24,
    address: 'new@people.test',
    device: 'Firefox, Linux',
    network: '192.0.2.1',
  },
};

const EVERY = LANGUAGES.flatMap((language) => ACCOUNT_MAILS.map((mail) => ({ language, mail })));

/** Letters that a text of the language cannot do without. */
const SCRIPTS = {
  en: /\p{Script=Latin}/u,
  fa: /\p{Script=Arabic}/u,
  ko: /\p{Script=Hangul}/u,
  ru: /\p{Script=Cyrillic}/u,
  th: /\p{Script=Thai}/u,
} as const;

const placeholders = (texts: readonly string[]): string[] =>
  [
    ...new Set(texts.flatMap((text) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name))),
  ].toSorted();

const frame = ({ greeting, greetingWithoutName, codeBesideLink, codeAlone, happened, footer }: MailTexts) => [
  greeting,
  greetingWithoutName,
  codeBesideLink,
  codeAlone,
  happened,
  footer,
];

describe('the texts', () => {
  it.each(LANGUAGES)('of %s hold the values that the English ones hold, each at its place', (language) => {
    expect(frame(TEXTS[language]).map((text) => placeholders([text]))).toEqual(
      frame(TEXTS.en).map((text) => placeholders([text])),
    );
    for (const mail of ACCOUNT_MAILS) {
      const [ours, english] = [TEXTS[language].mails[mail], TEXTS.en.mails[mail]];
      expect([mail, placeholders([...ours.before, ...ours.after])]).toEqual([
        mail,
        placeholders([...english.before, ...english.after]),
      ]);
      expect([mail, ours.action === undefined]).toEqual([mail, english.action === undefined]);
      expect(placeholders([ours.subject, ours.action ?? ''])).toEqual([]);
    }
  });

  it.each(LANGUAGES)(
    'of %s are written in its script, none is left empty or in another language',
    (language) => {
      const { mails, ...common } = TEXTS[language];
      const all = [
        ...frame({ mails, ...common }),
        ...ACCOUNT_MAILS.flatMap((mail) => {
          const { subject, before, after, action } = mails[mail];
          return [subject, ...before, ...after, ...(action === undefined ? [] : [action])];
        }),
      ];
      for (const text of all) {
        const words = text.replaceAll(/\{\w+\}/g, '');
        expect(words).toMatch(SCRIPTS[language]);
        const foreign = language === 'en' ? '' : words;
        expect(foreign).not.toMatch(/[A-Za-z]{2}/);
      }
    },
  );

  it('have every subject once in a language', () => {
    for (const language of LANGUAGES) {
      const subjects = ACCOUNT_MAILS.map((mail) => TEXTS[language].mails[mail].subject);
      expect(new Set(subjects).size).toBe(subjects.length);
    }
  });
});

describe('renderMail', () => {
  it.each(EVERY)(
    '$mail in $language is complete, with and without name, code and link',
    ({ language, mail }) => {
      const withCode = TEXTS[language].mails[mail].action !== undefined;
      for (const changes of [
        withCode ? {} : { code: null, link: null },
        withCode ? { link: null, name: null } : { code: null, link: null, name: null },
      ]) {
        const given = { ...VALUES, ...changes };
        const { subject, text, html } = renderMail(mail, language, given);
        expect(subject).toBe(TEXTS[language].mails[mail].subject);
        for (const part of [text, html]) {
          expect(part).not.toMatch(/\{\w+\}|undefined|null|NaN|\[object/);
          expect(part.includes(CODE)).toBe(withCode);
          expect(part.includes('https://app.test/')).toBe(withCode && given.link !== null);
          expect(part.includes('سارا')).toBe(given.name !== null);
          expect(part).toContain('Steward');
        }
        expect(html).toContain(`<html lang="${language}" dir="${language === 'fa' ? 'rtl' : 'ltr'}">`);
      }
    },
  );

  it('writes numbers and times as the language does', () => {
    expect(renderMail('reset-password', 'fa', VALUES).text).toContain('۳۰');
    const notice = { ...VALUES, code: null, link: null };
    expect(renderMail('password-changed', 'fa', notice).text).toContain('۱۴۰۵');
    expect(renderMail('password-changed', 'th', notice).text).toContain('2569');
    expect(renderMail('password-changed', 'ko', notice).text).toContain('2026년 11월 21일');
    expect(renderMail('password-changed', 'ru', notice).text).toContain('21 ноября 2026');
    // Twenty to ten in UTC, as the clocks of Tehran show it.
    expect(renderMail('password-changed', 'en', notice).text).toMatch(/November 21, 2026 at 1:10\sPM/);
  });

  it.each([
    '<script>alert(1)</script>',
    '" onmouseover="x',
    "'><img src=x>",
    '{code} {app} {address}',
    '$& $1 $`',
    'a\r\nb\u2028c\u202ed\u0000e',
    '🦊👨‍👩‍👧 ذ ก ё 한',
    'x'.repeat(10_000),
  ])('keeps a name and a device of %j what they are: data', (hostile) => {
    for (const language of LANGUAGES) {
      const given = { ...VALUES, name: hostile, code: null, link: null };
      const { text, html } = renderMail('new-device', language, {
        ...given,
        values: { device: hostile, network: hostile },
      });
      expect(html).not.toMatch(/<script|<img|<[^>]*onmouseover/);
      expect(html.match(/<bdi>/g)?.length).toBe(html.match(/<\/bdi>/g)?.length);
      expect(text).not.toMatch(/[\u202e\0\u2028\r]/);
      expect(text.length).toBeLessThan(2_500);
    }
  });

  it.each(['{code} {app} {address}', '$& $1 $`', '🦊👨\u200d👩\u200d👧 ذ ก ё 한'])(
    'shows %j as it is',
    (value) => {
      const given = { ...VALUES, name: value, code: null, link: null };
      const { text, html } = renderMail('password-changed', 'fa', given);
      expect(text).toContain(`\u2068${value}\u2069`);
      expect(html).toContain(`<bdi>${value.replaceAll('&', '&amp;')}</bdi>`);
    },
  );

  it('throws when a value is missing, instead of sending a mail with a hole', () => {
    expect(() => renderMail('verify-email', 'en', { ...VALUES, values: {} })).toThrow('{address}');
  });
});

it.each([
  [null, 'en'],
  ['', 'en'],
  ['fa', 'fa'],
  ['fa-IR', 'fa'],
  ['ko-KR,ko;q=0.9,en;q=0.8', 'ko'],
  ['de-DE,de;q=0.9,ru;q=0.8,en;q=0.7', 'ru'],
  ['en;q=0.1, th;q=0.2', 'th'],
  ['TH', 'th'],
  ['fa;q=0, ru;q=0.1', 'ru'],
  ['fa;q=5, ru;q=x, ko;q=-1', 'en'],
  ['*', 'en'],
  ['de, fr', 'en'],
  [';;,=,q=1', 'en'],
])('%j wants mails in %s', (wishes, language) => {
  expect(wantedLanguage(wishes)).toBe(language);
});
