/** What the whole workspace shares: who is here, the mission, the line, the connection, messages to the reader. */

import {ApiProblem, get, post, remove, whenSessionIsLost} from '../api/client';
import {LiveStream, type LiveMessage, type LiveState} from '../api/live';
import type {Me, Mission, Period, Sector} from '../api/types';
import {language, t} from '../text/say';
import {showTimesIn} from '../text/time.svelte';
import {Resource} from './resource.svelte';
import {route} from './routing.svelte';

type Entry = 'starting' | 'out' | 'ended' | 'new-secret' | 'in' | 'unreachable';

class Workspace {
  entry = $state<Entry>('starting');
  me = $state.raw<Me | null>(null);
  mission = new Resource<Mission>();
  line = new Resource<GeoJSON.FeatureCollection>();
  live = $state<LiveState>('connecting');
  lostAt = $state<number | null>(null);
  now = $state(Date.now());
  said = $state.raw<{text: string; isBad: boolean} | null>(null);

  private stream: LiveStream | null = null;
  private listeners = new Set<(message: LiveMessage) => void>();
  private returns = new Set<() => void>();
  private silence = 0;

  constructor() {
    whenSessionIsLost(() => this.sessionLost());
    setInterval(() => (this.now = Date.now()), 1000);
  }

  async start(): Promise<void> {
    try {
      await this.enter(await get<Me>('/v1/me'));
    } catch (error) {
      if (this.entry !== 'starting') return;
      const problem = error instanceof ApiProblem ? error : null;
      if (problem?.code === 'secret_required') this.entry = 'new-secret';
      else this.entry = problem?.status === 401 || problem?.status === 403 ? 'out' : 'unreachable';
    }
  }

  async signIn(name: string, secret: string): Promise<void> {
    const answer = await post<Me | {me: Me}>('/v1/session', {name, secret});
    await this.enter('me' in answer ? answer.me : answer);
  }

  async setSecret(secret: string): Promise<void> {
    await post('/v1/me/secret', {secret});
    await this.enter(await get<Me>('/v1/me'));
  }

  async signOut(): Promise<void> {
    await remove('/v1/session').catch(() => undefined);
    this.leave();
    this.me = null;
    this.entry = 'out';
  }

  private async enter(me: Me): Promise<void> {
    if (this.me && this.me.name !== me.name) location.reload(); // nothing of one person is left for the next
    this.me = me;
    this.entry = me.must_set_secret ? 'new-secret' : 'in';
    if (this.entry === 'in') {
      const isAgain = this.line.value !== null;
      await this.readMission();
      this.listen();
      if (isAgain) for (const listener of this.returns) listener();
    }
  }

  async readMission(): Promise<void> {
    await Promise.all([
      this.mission.load(async (signal) => {
        const mission = await get<Mission>('/v1/mission', signal);
        showTimesIn(mission.zone);
        return mission;
      }),
      this.line.value ? null : this.line.load((signal) => get('/v1/line', signal)),
    ]);
  }

  private sessionLost(): void {
    this.leave();
    this.entry = this.me && this.entry !== 'out' ? 'ended' : 'out';
  }

  private leave(): void {
    this.stream?.stop();
    this.stream = null;
    this.live = 'denied';
  }

  private listen(): void {
    this.stream?.stop();
    this.stream = new LiveStream({
      onState: (state) => {
        if (state === 'offline') this.lostAt ??= Date.now();
        else if (state === 'live') this.lostAt = null;
        this.live = state;
        if (state === 'denied' && this.entry === 'in') void get('/v1/me').catch(() => undefined);
      },
      onMessage: (message) => {
        for (const listener of this.listeners) listener(message);
      },
      onGap: () => {
        for (const listener of this.returns) listener();
      },
    });
    this.stream.start();
  }

  /** Hear live messages, and of gaps in them after which things have to be read again, until the returned call. */
  hear(listener: (message: LiveMessage) => void, onGap: () => void): () => void {
    this.listeners.add(listener);
    this.returns.add(onGap);
    return () => {
      this.listeners.delete(listener);
      this.returns.delete(onGap);
    };
  }

  /** A short message at the foot of the page, read out by screen readers. */
  say(text: string, isBad = false): void {
    this.said = {text, isBad};
    clearTimeout(this.silence);
    this.silence = window.setTimeout(() => (this.said = null), isBad ? 12_000 : 5000);
  }

  /** Say why something was not done. */
  sayProblem(error: unknown): void {
    const problem = error instanceof ApiProblem ? error : new ApiProblem(500, 'client', String(error), '');
    if (problem.isOffline) this.say(t('done.offline'), true);
    else if (problem.status === 401) this.say(t('done.session'), true);
    else if (problem.status === 409) this.say(t('done.conflict'), true);
    else this.say(t('done.failed', {title: problem.message, detail: problem.detail}), true);
  }

  get period(): Period | null {
    const mission = this.mission.value;
    const chosen = route.query.get('day');
    return mission?.periods.find((period) => period.date === chosen) ?? mission?.period ?? null;
  }

  get sectors(): Sector[] {
    const features = this.line.value?.features ?? [];
    return features
      .filter((feature) => feature.properties?.role === 'sector')
      .map(({properties}) => ({
        id: String(properties?.id),
        name: String(properties?.name ?? properties?.names?.[language] ?? properties?.id),
        from_m: Number(properties?.chainage_from_m),
        to_m: Number(properties?.chainage_to_m),
      }))
      .sort((a, b) => a.from_m - b.from_m);
  }

  get isOperator(): boolean {
    return this.me?.roles.includes('operator') ?? false;
  }
}

export const workspace = new Workspace();
