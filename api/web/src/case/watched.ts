/** Which hours of coverage a case is held against: those of its sector and kinds of happening in one day around it. */

import type {Case, Coverage, Finding} from '../api/types';

export const HOUR_MS = 3_600_000;
const HOURS = 24;
const HOURS_BEFORE = 8;
const KINDS_MAX = 4;

/** Kinds of happening by rule, for findings that were decided before coverage was known. */
const KINDS: Record<string, string[]> = {
  line_crossing: ['crossing_vehicle'],
  buffer_incursion: ['incursion_vehicle'],
  heavy_weapon_zone: ['incursion_vehicle'],
  force_build_up: ['incursion_vehicle'],
  air_violation: ['incursion_uav'],
  ceasefire_fire: ['fire_small_arms', 'fire_mortar', 'fire_artillery'],
  cross_line_fire: ['fire_mortar', 'fire_artillery'],
  engineering_works: ['works'],
  monitor_interference: ['jamming'],
};

export interface Told {
  kind: string;
  from: string;
  to: string;
  watched_frac: number;
  detection_prob: number | null;
}

export function toldOf(finding: Finding): Told | null {
  const told = finding.detail?.coverage as Partial<Told> | undefined;
  if (!told || typeof told.kind !== 'string' || typeof told.from !== 'string' || typeof told.watched_frac !== 'number') return null;
  return told as Told;
}

export interface Asked {
  sector: string;
  kinds: string[];
  from: number;
  to: number;
  /** The starts of the hours in which something was found, by kind. */
  found: Map<string, Set<number>>;
}

export const hourOf = (at: string): number => Math.floor(Date.parse(at) / HOUR_MS) * HOUR_MS;

/** What to ask of the server; null for a case that belongs to no sector or to no kind of happening. */
export function askedOf(of: Case): Asked | null {
  const standing = of.findings.filter((one) => one.state !== 'withdrawn' && one.sector === of.sector);
  if (!of.sector || !standing.length) return null;
  const found = new Map<string, Set<number>>();
  for (const one of standing) {
    const told = toldOf(one);
    for (const kind of told ? [told.kind] : (KINDS[one.rule_id] ?? [])) {
      const hours = found.get(kind) ?? new Set();
      found.set(kind, hours.add(hourOf(one.time_start)));
    }
  }
  const kinds = [...found].sort((a, b) => b[1].size - a[1].size).map(([kind]) => kind).slice(0, KINDS_MAX);
  const from = hourOf(of.time_start) - HOURS_BEFORE * HOUR_MS;
  return kinds.length ? {sector: of.sector, kinds, from, to: from + HOURS * HOUR_MS, found} : null;
}

/** The share of the sector's line that was watched in an hour. */
export const watchedShare = (row: Coverage): number => (row.line_km_h > 0 ? Math.min(1, row.watched_km_h / row.line_km_h) : 0);
