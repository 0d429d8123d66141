/** The probability of the new side after each fix, as the tracking filter left it in a finding's details. */

import type {EvidenceFeature, Finding} from '../api/types';

export interface Posterior {
  finding: Finding;
  /** After each fix that was evidence, in the order of time. */
  points: {at: number; p: number}[];
  /** The last fix that was surely on the old side, and the one that decided. */
  before: number | null;
  after: number | null;
  /** The side that is asked about. */
  side: string | null;
}

const instant = (value: unknown): number | null => {
  const at = typeof value === 'string' ? Date.parse(value) : NaN;
  return Number.isNaN(at) ? null : at;
};
const fixTime = (value: unknown): number | null =>
  value && typeof value === 'object' && 'time' in value ? instant(value.time) : null;

function posteriorOf(finding: Finding): Posterior | null {
  const told: unknown = finding.detail?.beyond_prob;
  if (!Array.isArray(told)) return null;
  const points = told.flatMap((pair: unknown) => {
    const [time, p] = Array.isArray(pair) ? (pair as unknown[]) : [];
    const at = instant(time);
    return at !== null && typeof p === 'number' && p >= 0 && p <= 1 ? [{at, p}] : [];
  });
  if (!points.length) return null;
  const side = finding.direction?.at(-1) ?? null;
  return {
    finding,
    points: points.sort((a, b) => a.at - b.at),
    before: fixTime(finding.detail.before),
    after: fixTime(finding.detail.after),
    side: side === 'A' || side === 'B' ? side : null,
  };
}

/** Of all findings that carry one, in the order of time. */
export const posteriors = (findings: Finding[]): Posterior[] =>
  findings
    .filter((finding) => finding.state !== 'withdrawn')
    .sort((a, b) => a.time_start.localeCompare(b.time_start))
    .flatMap((finding) => posteriorOf(finding) ?? []);

/** When the track of a finding was fixed, between two instants. */
export function fixesOf({finding}: Posterior, events: EvidenceFeature[], from: number, to: number): number[] {
  const sensors = new Set(finding.sensor_ids);
  return events
    .filter(({properties: event}) => event.track_id && event.track_id === finding.track_id && sensors.has(event.sensor_id))
    .map((event) => Date.parse(event.properties.time))
    .filter((at) => at >= from && at <= to);
}
