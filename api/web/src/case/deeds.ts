/** What the engine weighed of whose deed a thing was, as it left it in the details of findings and incidents. */

import type {Case} from '../api/types';

export interface Argument {
  argument: string;
  likelihood_ratio: number;
}

export interface Hypothesis {
  id: string;
  probability: number;
  prior: number;
  for: Argument[];
  against: Argument[];
}

/** One line of the panel: a party with both of its hypotheses, or one of the others. */
export interface Answer {
  id: string;
  probability: number;
  prior: number;
  /** For a party: of its probability, how much says that it acted so that the other is blamed. */
  staged: number;
  parts: Hypothesis[];
}

export interface Deed {
  key: string;
  at: string;
  rule: string;
  /** The id of a hypothesis, or `undetermined`. */
  proposal: string;
  confidence: string;
  cappedBy: string | null;
  answers: Answer[];
}

const STAGED: Record<string, string> = {A: 'A_as_B', B: 'B_as_A'};
const ORDER = ['A', 'B', 'third', 'natural', 'sensor_fault', 'spoofing'];

/** Rounded values are never shown as certain. */
const LEAST = 1e-6;
const isShare = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value <= 1;

function hypothesesOf(told: unknown): Hypothesis[] {
  if (!Array.isArray(told)) return [];
  return (told as Hypothesis[]).filter((one) => one && typeof one.id === 'string' && isShare(one.probability) && isShare(one.prior));
}

function deedOf(key: string, at: string, rule: string, detail: Record<string, unknown> | undefined): Deed | null {
  const told = detail?.attribution as {proposal?: unknown; confidence?: unknown; capped_by?: unknown; hypotheses?: unknown} | undefined;
  const byId = new Map(hypothesesOf(told?.hypotheses).map((one) => [one.id, one]));
  const answers = ORDER.flatMap((id): Answer[] => {
    const parts = [byId.get(id), byId.get(STAGED[id] ?? '')].filter((one) => one !== undefined);
    if (!parts.length) return [];
    const sum = (of: 'probability' | 'prior'): number => Math.min(1, parts.reduce((total, one) => total + one[of], 0));
    return [{id, probability: Math.max(LEAST, Math.min(1 - LEAST, sum('probability'))), prior: sum('prior'), staged: byId.get(STAGED[id] ?? '')?.probability ?? 0, parts}];
  });
  if (!told || !answers.length) return null;
  return {
    key,
    at,
    rule,
    proposal: typeof told.proposal === 'string' ? told.proposal : 'undetermined',
    confidence: typeof told.confidence === 'string' ? told.confidence : 'low',
    cappedBy: typeof told.capped_by === 'string' ? told.capped_by : null,
    answers,
  };
}

/** In the order of time. Findings on one incident of fire rest on the same weighing, which is shown once. */
export function deeds(of: Case): Deed[] {
  const fires = new Set(of.incidents.filter((one) => one.kind === 'fire').map((one) => one.incident_id));
  const found = new Map<string, Deed>();
  for (const finding of of.findings) {
    if (finding.state === 'withdrawn') continue;
    const isFire = finding.incident_id !== null && fires.has(finding.incident_id);
    const key = isFire ? finding.incident_id! : finding.finding_id;
    const deed = found.has(key) ? null : deedOf(key, finding.time_start, finding.rule_id, finding.detail);
    if (deed) found.set(key, deed);
  }
  return [...found.values()].sort((a, b) => a.at.localeCompare(b.at));
}

/** How often each outcome was proposed, the most frequent first. */
export function tally(of: Deed[]): [proposal: string, count: number][] {
  const counts = new Map<string, number>();
  for (const {proposal} of of) counts.set(proposal, (counts.get(proposal) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}
