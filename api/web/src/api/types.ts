/** The shapes that `/v1` answers with. Times are RFC 3339 in UTC, lengths are metres. */

export type Party = 'A' | 'B' | null;
export type Verdict = 'violation' | 'permitted' | 'undetermined';
export type DecisionKind = 'finding_of_fact' | 'attribution' | 'remedy';

export interface Me {
  name: string;
  display_name: string;
  roles: string[];
  must_set_secret: boolean;
}

export interface Period {
  date: string;
  from: string;
  to: string;
}

export interface Mission {
  name: string;
  zone: string;
  cut_off: string;
  period: Period | null;
  periods: Period[];
  line: {version: string; label: string; length_m: number};
  agreement: {version: string; label: string};
  engine_version: string;
  coverage: string;
  concept_notice: string;
  illustrative: boolean;
}

export interface CaseSummary {
  number: string;
  status: string;
  rule_id: string;
  party: Party;
  sector: string | null;
  sector_name: string | null;
  chainage_m: number | null;
  lon: number | null;
  lat: number | null;
  time_start: string;
  time_end: string;
  priority: number;
  summary: string;
  assignee: string | null;
  incident_count: number;
  finding_count: number;
  due_at: string | null;
  overdue: boolean;
  flags: string[];
  probability: number | null;
  confidence: string | null;
  verdict: Verdict | null;
  filed_at: string;
  updated_at: string;
  version: number;
}

/** In the order of the procedure. */
export const CASE_STATES = [
  'filed', 'triaged', 'verifying', 'verified', 'not_substantiated', 'inconclusive', 'attribution_proposed', 'with_party',
  'attributed', 'unattributable', 'remedy_determined', 'compliance', 'closed',
];

/** Standards of proof, weakest first. */
export const STANDARDS = [
  'reasonable_suspicion', 'reasonable_grounds', 'balance_of_probabilities', 'clear_and_convincing', 'beyond_reasonable_doubt',
];

export interface Counts {
  open: number;
  overdue: number;
  mine: number;
  by_status: Record<string, number>;
}

export interface CasePage {
  items: CaseSummary[];
  next_cursor: string | null;
  total: number;
  total_is_least?: boolean;
  counts: Counts;
}

export interface Finding {
  finding_id: string;
  revision: number;
  state: string;
  rule_id: string;
  clause: string | null;
  verdict: Verdict;
  time_start: string;
  time_end: string;
  lon: number | null;
  lat: number | null;
  sigma_m: number | null;
  side: string | null;
  direction: string | null;
  distance_m: number | null;
  chainage_m: number | null;
  sector: string | null;
  probability: number | null;
  confidence: string | null;
  margin: number | null;
  margin_unit: string | null;
  count: number | null;
  count_is_minimum: boolean | null;
  track_id: string | null;
  object_class: string | null;
  party: Party;
  incident_id: string | null;
  sensor_ids: string[];
  event_ids: string[];
  line_version: string | null;
  agreement_version: string | null;
  engine_version: string;
  reasons: string[];
  /** What else the rule worked out; its keys differ from rule to rule. */
  detail: Record<string, unknown>;
}

export interface Incident {
  incident_id: string;
  revision: number;
  state: string;
  kind: string;
  time_start: string;
  time_end: string;
  lon: number | null;
  lat: number | null;
  sigma_major_m: number | null;
  sigma_minor_m: number | null;
  sigma_azimuth_deg: number | null;
  side: string | null;
  party: Party;
  chainage_m: number | null;
  sector: string | null;
  violations_smm: number | null;
  rounds_least: number | null;
  rounds_best: number | null;
  count_is_minimum: boolean | null;
  phenomena: Record<string, number>;
  event_count: number;
  sensor_ids: string[];
  confidence: string | null;
  summary: string;
}

export interface Decision {
  id: string;
  kind: DecisionKind;
  outcome: string;
  reasoning: string;
  standard_of_proof: string;
  state: 'proposed' | 'approved' | 'returned' | 'withdrawn';
  proposed_by: string;
  proposed_at: string;
  decided_by: string | null;
  decided_at: string | null;
  comment: string | null;
}

export interface Note {
  id: string;
  at: string;
  author: string;
  text: string;
}

/** What the case can do next, for the person who asked: what it takes is said before a button is pressed. */
export interface NextStep {
  action: string;
  label: string;
  enabled: boolean;
  why_not: string | null;
  standard_of_proof: string | null;
  who_must_agree: string | null;
  then: string | null;
  outcomes?: string[];
  /** The least standard of proof by outcome, where outcomes differ. */
  standards?: Record<string, string>;
  decision_id?: string | null;
  needs_text?: boolean;
}

/** A clause that a rule judges (`rule_id`), or one that permits something (`kind`). */
export interface ClauseWords {
  id: string;
  rule_id: string | null;
  kind: string | null;
  title: string;
  text: string;
  source: string;
}

/** How much of a sector's line was watched in an hour, for one kind of happening. */
export interface Coverage {
  sector: string | null;
  kind: string;
  time_start: string;
  time_end: string;
  status: 'observed' | 'partly_observed' | 'not_observed';
  line_km_h: number;
  watched_km_h: number;
  effective_km_h: number;
  lost_km_h: number;
  detection_prob: number | null;
  working_count: number;
  down_count: number;
  is_upper_bound: boolean;
}

export interface Case extends CaseSummary {
  priority_reasons: string[];
  clauses: ClauseWords[];
  findings: Finding[];
  incidents: Incident[];
  notes: Note[];
  decisions: Decision[];
  next_steps: NextStep[];
  events_geojson_url: string;
}

export interface TimelineEntry {
  at: string;
  actor: string;
  kind: string;
  summary: string;
}

export interface EvidenceProperties {
  event_id: string;
  sensor_id: string;
  time: string;
  kind: string;
  sigma_m?: number | null;
  sigma_major_m?: number | null;
  sigma_minor_m?: number | null;
  sigma_azimuth_deg?: number | null;
  track_id?: string | null;
  object_class?: string | null;
  affiliation?: string | null;
  count?: number | null;
  direction?: string | null;
  text?: string | null;
}

export type EvidenceFeature = GeoJSON.Feature<GeoJSON.Point | null, EvidenceProperties>;

export interface Crossing {
  finding_id: string;
  time: string;
  lon: number | null;
  lat: number | null;
  direction: string | null;
  chainage_m: number | null;
  probability: number | null;
}

export interface Evidence {
  events: {features: EvidenceFeature[]};
  crossings: Crossing[];
  truncated?: boolean;
}

export interface Mark {
  id: string;
  kind: string;
  state?: string;
  t: string;
  chainage_m: number;
  party: Party;
  verdict: Verdict | null;
  case_number: string | null;
  weight: number;
}

export interface Sector {
  id: string;
  name: string;
  from_m: number;
  to_m: number;
}

export interface Sensor {
  sensor_id: string;
  type: string;
  host_side: string | null;
  last_seen: string | null;
  event_count?: number;
  state: string;
  lon?: number | null;
  lat?: number | null;
}

export interface Report {
  date: string;
  from: string;
  to: string;
  html: string;
  csv: string;
  json: string;
  sealed: boolean;
}

/** A share between 0 and 1 (or a rate) with its 95 % interval; of `n`. */
export interface Measured {
  value: number | null;
  low: number | null;
  high: number | null;
  n: number;
}

export interface RuleQuality {
  rule_id: string;
  happenings: number;
  recall: Measured;
  recall_observable: Measured;
  precision: Measured;
  missed: number;
  false_alarms: number;
  false_per_day_100km: number | null;
  splits: number;
  merges: number;
  /** Over all reports, those that are told and not asserted (`reports`) included; null where there are none. */
  told?: {reports: number; recall: Measured; recall_observable: Measured; precision: Measured} | null;
  naive: {recall: number | null; precision: number | null; missed?: number; false_alarms: number; splits?: number};
}

export interface Compared {
  measure: string;
  scenario?: string;
  rule_id?: string;
  a: Measured;
  b: Measured;
  difference: number | null;
  p?: number;
  within_chance: boolean;
}

export interface Quality {
  engine_version: string;
  date: string;
  seeds: [number, number];
  line_version: string;
  agreement_version: string;
  scenarios: {name: string; title: string; summary?: string; hours?: number; rules: RuleQuality[]}[];
  impartiality: Compared[];
  limits: string[];
}
