/**
 * Which of a case's events are looked at: `?of=incident:…`, `finding:…`, `sensor:…`, `kind:…` or `event:…` in the
 * address. Map and evidence table follow the same selection, so a number can lead to the rows behind it.
 */

import {get} from '../api/client';
import type {Case, Evidence, EvidenceFeature} from '../api/types';
import {t, word} from '../text/say';
import {dayAndSeconds} from '../text/time.svelte';
import {Resource} from './resource.svelte';
import {route} from './routing.svelte';

export class Selection {
  // an incident's own events are asked for by id: the case holds the events of all its incidents
  private members = new Resource<{items: {event_id: string}[]}>();
  private readonly of = $derived(route.query.get('of') ?? '');
  readonly kind = $derived(this.of.slice(0, Math.max(0, this.of.indexOf(':'))));
  readonly id = $derived(this.of.slice(this.of.indexOf(':') + 1));
  readonly isSet = $derived(this.kind !== '');

  /** Read what the present selection needs; call it in an effect. */
  follow(): void {
    if (this.kind !== 'incident') this.members.forget();
    else void this.members.load((signal) => get(`/v1/incidents/${encodeURIComponent(this.id)}/events`, signal));
  }

  /** The selection in words. */
  label(of: Case): string {
    const {kind, id} = this;
    const finding = kind === 'finding' ? of.findings.find((one) => one.finding_id === id) : undefined;
    if (finding) return `${word('rule', finding.rule_id)}, ${dayAndSeconds(finding.time_start)}`;
    const incident = kind === 'incident' ? of.incidents.find((one) => one.incident_id === id) : undefined;
    if (incident) return `${word('incident.kind', incident.kind)}, ${dayAndSeconds(incident.time_start)}`;
    return kind === 'kind' ? word('event', id) : kind === 'sensor' || kind === 'event' ? t(`evidence.only.${kind}`, {id}) : id;
  }

  /** The selected events, in the order of time. */
  kept(of: Case, evidence: Evidence): EvidenceFeature[] {
    const rows = [...evidence.events.features].sort((a, b) => a.properties.time.localeCompare(b.properties.time));
    const {kind, id} = this;
    const among = (ids: Iterable<string>): EvidenceFeature[] => {
      const wanted = new Set(ids);
      return rows.filter(({properties}) => wanted.has(properties.event_id));
    };
    if (kind === 'sensor') return rows.filter(({properties}) => properties.sensor_id === id);
    if (kind === 'kind') return rows.filter(({properties}) => properties.kind === id);
    if (kind === 'event') return among([id]);
    if (kind === 'finding') return among(of.findings.find((finding) => finding.finding_id === id)?.event_ids ?? []);
    if (kind === 'incident' && this.members.value) return among(this.members.value.items.map((event) => event.event_id));
    return rows;
  }
}
