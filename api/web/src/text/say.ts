/** Words by key: `t` for keys that exist, `word` for values that came from the server and may be unknown here. */

import {en} from './catalogue.en';

export type Key = keyof typeof en;
type Values = Record<string, string | number>;

/** The language of the interface; one catalogue so far. */
export const language = 'en';
/** The locale for dates and numbers: 24-hour clock, day before month. */
export const locale = 'en-GB';

const plural = new Intl.PluralRules(language);
const catalogue: Record<string, string | Record<string, string>> = en;

export function t(key: Key, values: Values = {}): string {
  return fill(key, values);
}

/** `t(prefix.value)` or, for a value without an entry, the value itself with underscores as spaces. */
export function word(prefix: string, value: string | null | undefined): string {
  if (value === null || value === undefined || value === '') return '';
  return `${prefix}.${value}` in catalogue ? fill(`${prefix}.${value}`, {}) : value.replaceAll('_', ' ');
}

function fill(key: string, values: Values): string {
  const entry = catalogue[key] ?? key;
  const text = typeof entry === 'string' ? entry : (entry[plural.select(Number(values.n ?? 0))] ?? entry.other ?? key);
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    return value === undefined ? whole : typeof value === 'number' ? number(value) : value;
  });
}

/** Several names in one sentence: `A, B and C`. */
export const joined = new Intl.ListFormat(locale, {type: 'conjunction'});

const numbers = new Intl.NumberFormat(locale);

/** A count with thin grouping, as 1,200. */
export function number(value: number): string {
  return numbers.format(value);
}
