/**
 * The queue: filters from the address, pages by cursor, and live changes that wait.
 *
 * Rows never move by themselves. A change to a row that is shown is written into it in place and marked; a case that
 * is not shown waits behind a bar until the reader asks for it.
 */

import {get, query} from '../api/client';
import type {CasePage, CaseSummary, Counts} from '../api/types';
import {Resource} from './resource.svelte';
import {route} from './routing.svelte';
import {workspace} from './workspace.svelte';

export const FILTERS = ['status', 'sector', 'party', 'rule_id', 'assignee', 'q', 'sort', 'km_from', 'km_to', 'from', 'to'];
const PAGE = 50;

class Queue {
  rows = $state.raw<CaseSummary[]>([]);
  counts = $state.raw<Counts | null>(null);
  total = $state(0);
  page = new Resource<CasePage>();
  waiting = $state.raw<ReadonlySet<string>>(new Set());
  changed = $state.raw<ReadonlySet<string>>(new Set());
  cursorAt = $state<string | null>(null);
  private next = $state<string | null>(null);
  private recount = 0;

  get hasMore(): boolean {
    return this.next !== null;
  }

  get isFiltered(): boolean {
    return FILTERS.some((name) => name !== 'sort' && route.query.get(name));
  }

  private filters(): Record<string, string | null> {
    const chosen = Object.fromEntries(FILTERS.map((name) => [name, route.query.get(name)]));
    const {status, assignee} = chosen;
    return {
      ...chosen,
      status: status === 'any' ? null : status === 'overdue' ? 'open' : (status ?? 'open'),
      overdue: status === 'overdue' ? 'true' : null,
      assignee: assignee === 'me' ? (workspace.me?.name ?? null) : (assignee ?? null),
    };
  }

  async load(): Promise<void> {
    const url = `/v1/cases${query({...this.filters(), limit: PAGE})}`;
    await this.page.load((signal) => get<CasePage>(url, signal));
    const page = this.page.value;
    if (!page || this.page.problem) return;
    this.rows = page.items;
    this.take(page);
    this.waiting = new Set();
    this.changed = new Set();
  }

  async more(): Promise<void> {
    if (!this.next || this.page.loading) return;
    const url = `/v1/cases${query({...this.filters(), limit: PAGE, cursor: this.next})}`;
    await this.page.load((signal) => get<CasePage>(url, signal));
    const page = this.page.value;
    if (!page || this.page.problem) return;
    const known = new Set(this.rows.map((row) => row.number));
    this.rows = [...this.rows, ...page.items.filter((row) => !known.has(row.number))];
    this.take(page);
  }

  private take(page: CasePage): void {
    this.counts = page.counts;
    this.total = page.total;
    this.next = page.next_cursor;
  }

  /** A case changed somewhere: write it into its row, or let it wait. */
  heard(number: string, fresh: Partial<CaseSummary>): void {
    const before = this.rows.find((row) => row.number === number);
    if (before && fresh.version !== undefined && fresh.version === before.version) return;
    if (before) {
      this.rows = this.rows.map((row) => (row.number === number ? {...row, ...fresh} : row));
      this.changed = new Set([...this.changed, number]);
    } else this.waiting = new Set([...this.waiting, number]);
    clearTimeout(this.recount);
    this.recount = window.setTimeout(() => void this.count(), 1500);
  }

  /** The reader's own change: written in place without a mark. */
  put(row: CaseSummary): void {
    this.rows = this.rows.map((old) => (old.number === row.number ? {...old, ...row} : old));
    void this.count();
  }

  seen(number: string): void {
    if (!this.changed.has(number)) return;
    const rest = new Set(this.changed);
    rest.delete(number);
    this.changed = rest;
  }

  /** Messages were missed: read the first page beside the shown one and let differences wait or be marked. */
  private async missed(): Promise<void> {
    try {
      const page = await get<CasePage>(`/v1/cases${query({...this.filters(), limit: PAGE})}`);
      this.counts = page.counts;
      for (const row of page.items) this.heard(row.number, row);
    } catch {
      // the next return of the connection tries again
    }
  }

  private async count(): Promise<void> {
    try {
      const page = await get<CasePage>(`/v1/cases${query({...this.filters(), limit: 1})}`);
      this.counts = page.counts;
    } catch {
      // the counts stay as they were; the header says when there is no connection
    }
  }

  /** The number `steps` rows away from the row under the cursor. */
  move(steps: number): string | null {
    const at = this.rows.findIndex((row) => row.number === this.cursorAt);
    const to = at < 0 ? (steps > 0 ? 0 : this.rows.length - 1) : at + steps;
    if (to >= this.rows.length - 3) void this.more();
    const row = this.rows[Math.max(0, Math.min(this.rows.length - 1, to))];
    if (row) this.cursorAt = row.number;
    return row?.number ?? null;
  }

  start(): () => void {
    return workspace.hear(
      ({kind, data}) => {
        const number = data.number ?? data.id;
        if (kind === 'case' && typeof number === 'string') this.heard(number, data as Partial<CaseSummary>);
      },
      () => void this.missed(),
    );
  }
}

export const queue = new Queue();
