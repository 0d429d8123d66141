/** Times in the mission's zone. Instants come as RFC 3339 in UTC. */

import {locale} from './say';

let zone = $state('UTC');
const formats = new Map<string, Intl.DateTimeFormat>();

/** Show every time in `name` from now on (an IANA zone such as Europe/Kyiv). */
export function showTimesIn(name: string): void {
  zone = name;
}

function format(name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${zone} ${name}`;
  let found = formats.get(key);
  if (!found) formats.set(key, (found = new Intl.DateTimeFormat(locale, {timeZone: zone, hourCycle: 'h23', ...options})));
  return found;
}

const HM: Intl.DateTimeFormatOptions = {hour: '2-digit', minute: '2-digit'};
const HMS: Intl.DateTimeFormatOptions = {...HM, second: '2-digit'};
const DAY: Intl.DateTimeFormatOptions = {day: 'numeric', month: 'short'};

export const clock = (at: number | string): string => format('hms', HMS).format(new Date(at));
export const hourMinute = (at: number | string): string => format('hm', HM).format(new Date(at));
export const day = (at: number | string): string => format('day', DAY).format(new Date(at));
export const dayAndTime = (at: number | string): string => `${day(at)} ${hourMinute(at)}`;
export const dayAndSeconds = (at: number | string): string => `${day(at)} ${clock(at)}`;
export const longDay = (at: number | string): string =>
  format('long', {weekday: 'short', day: 'numeric', month: 'long', year: 'numeric'}).format(new Date(at));

/** With milliseconds, for evidence. */
export function exact(at: string): string {
  const ms = new Date(at).getUTCMilliseconds();
  return `${clock(at)}.${String(ms).padStart(3, '0')}`;
}

/** The city of a zone name, for a short label: `Kyiv` for `Europe/Kyiv`. */
export const zoneCity = (name: string): string => (name.split('/').pop() ?? name).replaceAll('_', ' ');

/** From and to, with the day once where both are the same. */
export function span(from: string, to: string): string {
  if (from === to) return dayAndSeconds(from);
  return day(from) === day(to) ? `${dayAndTime(from)} to ${hourMinute(to)}` : `${dayAndTime(from)} to ${dayAndTime(to)}`;
}

/** A length of time in the two largest units: `3 h 10 min`, `2 d 4 h`. */
export function duration(ms: number): string {
  const minutes = Math.floor(Math.abs(ms) / 60_000);
  const [d, h, m] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24, minutes % 60];
  if (d) return h ? `${d} d ${h} h` : `${d} d`;
  if (h) return m ? `${h} h ${m} min` : `${h} h`;
  return `${m} min`;
}
