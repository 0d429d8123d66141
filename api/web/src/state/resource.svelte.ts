/** Something that is read from the server: what it is, or why it is not there. */

import {ApiProblem} from '../api/client';

export class Resource<T> {
  value = $state.raw<T | null>(null);
  problem = $state.raw<ApiProblem | null>(null);
  loading = $state(false);
  private turn: AbortController | null = null;

  /** Read again; what was read before stays visible until the answer comes. Only the newest read counts. */
  async load(read: (signal: AbortSignal) => Promise<T>): Promise<void> {
    this.turn?.abort();
    const turn = (this.turn = new AbortController());
    this.loading = true;
    try {
      const value = await read(turn.signal);
      if (turn.signal.aborted) return;
      this.value = value;
      this.problem = null;
    } catch (error) {
      if (turn.signal.aborted) return;
      this.problem = error instanceof ApiProblem ? error : new ApiProblem(500, 'client', String(error), '');
    } finally {
      if (this.turn === turn) this.loading = false;
    }
  }

  forget(): void {
    this.turn?.abort();
    this.value = null;
    this.problem = null;
    this.loading = false;
  }
}
