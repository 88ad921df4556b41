import { en } from './texts/en.js';
import { fa } from './texts/fa.js';
import { ko } from './texts/ko.js';
import type { MailTexts } from './texts/mail-texts.js';
import { ru } from './texts/ru.js';
import { th } from './texts/th.js';

export const LANGUAGES = ['en', 'fa', 'ko', 'ru', 'th'] as const;
export type Language = (typeof LANGUAGES)[number];

export const TEXTS: Readonly<Record<Language, MailTexts>> = { en, fa, ko, ru, th };

/**
 * The language of ours that somebody wants most, from the form of the header Accept-Language, of which a single
 * `fa` or `ko-KR` is one too. English when none of ours is wanted.
 */
export function wantedLanguage(wishes: string | null): Language {
  const ranked = (wishes ?? '')
    .split(',')
    .map((wish, place) => {
      const [tag = '', ...parameters] = wish.split(';').map((part) => part.trim());
      const q = parameters.find((parameter) => parameter.startsWith('q='));
      const weight = q === undefined ? 1 : Number(q.slice(2));
      return {
        base: tag.split('-')[0]?.toLowerCase(),
        weight: weight >= 0 && weight <= 1 ? weight : 0,
        place,
      };
    })
    .filter(({ weight }) => weight > 0)
    .toSorted((a, b) => b.weight - a.weight || a.place - b.place);
  for (const { base } of ranked) {
    const ours = LANGUAGES.find((language) => language === base);
    if (ours) return ours;
  }
  return 'en';
}
