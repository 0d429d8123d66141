/** Numbers with their words and units. */

import {number, t, type Key} from './say';

export const km = (metres: number): string => (metres < 10_000 ? (metres / 1000).toFixed(1) : number(Math.round(metres / 1000)));

const BANDS: [number, Key][] = [
  [0.95, 'probability.95'],
  [0.8, 'probability.80'],
  [0.55, 'probability.55'],
  [0.45, 'probability.45'],
  [0.2, 'probability.20'],
  [0.05, 'probability.5'],
  [0, 'probability.0'],
];

/** The word for a probability, in the bands 5-20-45-55-80-95 %. */
export function probabilityWord(value: number | null): string {
  if (value === null) return t('probability.none');
  const band = BANDS.find(([from]) => value >= from);
  return band ? t(band[1]) : t('probability.none');
}

export const probabilityBands = BANDS;

/** Two digits, and never 0.00 or 1.00 for something that is not certain. */
export function probabilityNumber(value: number): string {
  if (value > 0.99 && value < 1) return '> 0.99';
  if (value < 0.01 && value > 0) return '< 0.01';
  return value.toFixed(2);
}

export function metres(value: number): string {
  return Math.abs(value) >= 10_000 ? `${(value / 1000).toFixed(1)} km` : `${Math.round(value)} m`;
}

/** A width as the agreement names it: `2 km`, `500 m`. */
export const width = (value: number): string => (value >= 1000 ? `${number(value / 1000)} km` : `${number(value)} m`);

export const position = (lon: number, lat: number): string =>
  `${Math.abs(lat).toFixed(4)}° ${lat < 0 ? 'S' : 'N'} ${Math.abs(lon).toFixed(4)}° ${lon < 0 ? 'W' : 'E'}`;

export function sigma(of: {sigma_m?: number | null; sigma_major_m?: number | null; sigma_minor_m?: number | null}): string {
  if (of.sigma_major_m && of.sigma_minor_m) return `${Math.round(of.sigma_major_m)} × ${Math.round(of.sigma_minor_m)} m`;
  return of.sigma_m ? `${Math.round(of.sigma_m)} m` : '';
}

/** A share in whole percent; never 100 % or 0 % for nearly all or nearly none. */
export function percent(share: number): string {
  const value = share * 100;
  if (value > 99.5 && value < 100) return '> 99 %';
  if (value > 0 && value < 0.5) return '< 1 %';
  return `${Math.round(value)} %`;
}

/** A rate with the digits that matter: `280`, `20`, `2.3`, `0.04`. */
export const rate = (value: number): string => (value >= 10 ? number(Math.round(value)) : value >= 1 ? value.toFixed(1) : value.toFixed(2));
