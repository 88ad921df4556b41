import { compileCron, CRON_MAX_LENGTH, CronSyntaxError } from './cron-pattern.js';
import { nearest } from './nearest.js';

interface FieldKind {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** What a value one past the end usually means: hour 24 is hour 0. */
  readonly wraps: boolean;
  readonly words: readonly string[];
}

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const WEEKDAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];
const NICKNAMES = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'];

const FIELDS: readonly FieldKind[] = [
  { name: 'second', min: 0, max: 59, wraps: true, words: [] },
  { name: 'minute', min: 0, max: 59, wraps: true, words: [] },
  { name: 'hour', min: 0, max: 23, wraps: true, words: [] },
  { name: 'day of month', min: 1, max: 31, wraps: false, words: [] },
  { name: 'month', min: 1, max: 12, wraps: false, words: MONTHS },
  { name: 'day of week', min: 0, max: 6, wraps: false, words: WEEKDAYS },
];

export interface CronProblem {
  readonly code: 'invalid_cron' | 'impossible_cron';
  readonly message: string;
  /** The nearest valid expression, when one is near. It always compiles and matches some day. */
  readonly suggestion?: string;
}

/** Far enough in the past to hold a whole calendar cycle; which year does not matter, the calendar repeats. */
const ANY_WALL = Date.UTC(2000, 0, 1) / 1000;

/** What is wrong with an expression, naming the field and the nearest valid one; null when it is fine. */
export function cronProblem(expression: string): CronProblem | null {
  const reason = syntaxProblem(expression);
  if (reason === null) {
    if (compileCron(expression).nextWall(ANY_WALL) !== null) return null;
    return withSuggestion(expression, 'impossible_cron', 'names a date that no year has');
  }
  if (expression.length > CRON_MAX_LENGTH) return { code: 'invalid_cron', message: reason };
  return withSuggestion(expression, 'invalid_cron', describe(expression, reason));
}

function syntaxProblem(expression: string): string | null {
  try {
    compileCron(expression);
    return null;
  } catch (error) {
    if (error instanceof CronSyntaxError) return error.message;
    throw error;
  }
}

function fieldsOf(expression: string): string[] {
  return expression.split(/\s+/).filter(Boolean);
}

/** The kinds of an expression's fields: without a field for seconds when there are five or fewer. */
function kindsFor(fields: readonly string[]): readonly FieldKind[] {
  return fields.length <= 5 ? FIELDS.slice(1) : FIELDS;
}

/** Whether a field is valid with nothing else around it to blame. */
function isValidAlone(kind: FieldKind, text: string): boolean {
  return syntaxProblem(FIELDS.map((other) => (other === kind ? text : '*')).join(' ')) === null;
}

function describe(expression: string, reason: string): string {
  const fields = fieldsOf(expression);
  if (expression.startsWith('@')) return 'is not a known nickname';
  if (fields.length < 5 || fields.length > 6) {
    return `must have 5 fields, or 6 with seconds first; it has ${fields.length}`;
  }
  const kinds = kindsFor(fields);
  const bad = fields.findIndex((field, index) => !isValidAlone(kinds[index]!, field));
  if (bad < 0) return reason;
  const { name, min, max } = kinds[bad]!;
  return `"${fields[bad]}" is not a valid ${name} (${min}-${max})`;
}

/** Whether an expression is valid and names a date that some year has. */
function isUsable(text: string): boolean {
  return syntaxProblem(text) === null && compileCron(text).nextWall(ANY_WALL) !== null;
}

function withSuggestion(expression: string, code: CronProblem['code'], message: string): CronProblem {
  const suggestion = repairExpression(expression);
  return suggestion !== undefined && isUsable(suggestion) ? { code, message, suggestion } : { code, message };
}

/** What was probably meant; not always valid. */
function repairExpression(expression: string): string | undefined {
  if (expression.startsWith('@')) return nearest(expression, NICKNAMES, 2);
  let fields = fieldsOf(expression);
  if (fields.length === 4) fields.push('*');
  // Seven fields are Quartz's, with a year at the end.
  if (fields.length === 7) fields = fields.slice(0, 6);
  if (fields.length < 5 || fields.length > 6) return undefined;
  const kinds = kindsFor(fields);
  const repaired = fields.map((field, index) => {
    const kind = kinds[index]!;
    return isValidAlone(kind, field) ? field : repair(kind, field);
  });
  const text = repaired.join(' ');
  // 31 February, 31 April: the last day of the month is what comes nearest.
  const isImpossible = syntaxProblem(text) === null && !isUsable(text);
  return isImpossible ? repaired.with(repaired.length - 3, 'L').join(' ') : text;
}

function repair(kind: FieldKind, field: string): string {
  return field
    .split(',')
    .filter(Boolean)
    .map((part) => repairPart(kind, part))
    .join(',');
}

function repairPart(kind: FieldKind, part: string): string {
  const text = part.replace(/[A-Za-z]{3,}/g, (word) => repairWord(kind, word));
  const [base = '', step] = text.split('/');
  if (step === undefined) return repairRange(kind, base);
  // `5/15` and `/15` are common elsewhere for "from 5 on" and "from the start".
  const from = /^\d+$/.test(base) ? `${clamp(kind, base)}-${kind.max}` : repairRange(kind, base || '*');
  return Number(step) === 0 ? from : `${from}/${step}`;
}

function repairWord(kind: FieldKind, word: string): string {
  const short = kind.words.find((known) => word.toUpperCase().startsWith(known));
  return short ?? nearest(word, kind.words, 1) ?? word;
}

function repairRange(kind: FieldKind, text: string): string {
  const [low, high] = text.split('-').map((end) => {
    const known = kind.words.indexOf(end.toUpperCase());
    return known < 0 ? clamp(kind, end) : String(known + kind.min);
  });
  if (low === undefined || high === undefined) return /^\d+$/.test(text) ? clamp(kind, text) : text;
  if (Number(low) <= Number(high)) return `${low}-${high}`;
  const wrapped = [`${low}-${kind.max}`, `${kind.min}-${high}`].join(',');
  // Someone who wrote FRI-MON reads names, not numbers.
  return /[A-Z]/i.test(text)
    ? wrapped.replace(/\d+/g, (value) => kind.words[Number(value) - kind.min]!)
    : wrapped;
}

function clamp(kind: FieldKind, digits: string): string {
  if (!/^\d+$/.test(digits)) return digits;
  const value = Number(digits);
  if (value === kind.max + 1 && kind.wraps) return String(kind.min);
  return String(Math.min(Math.max(value, kind.min), kind.max));
}
