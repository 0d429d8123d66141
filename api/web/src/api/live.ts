/**
 * The live stream, read by `fetch` and not by EventSource: this way the heartbeat is seen, so a connection that hangs
 * is noticed, and an answer that says "not signed in" is told apart from a lost network.
 */

export type LiveState = 'connecting' | 'live' | 'offline' | 'denied';

export interface LiveMessage {
  kind: string;
  data: Record<string, unknown>;
}

interface Listener {
  onState(state: LiveState): void;
  onMessage(message: LiveMessage): void;
  /** The stream is back after a break and messages were or may have been missed. */
  onGap(): void;
}

const SILENCE_MS = 40_000; // the server sends a heartbeat every 15 s
const RETRY_MS = [500, 1000, 2000, 5000, 10_000];

export class LiveStream {
  private lastId: string | null = null;
  private failures = 0;
  private stopped = false;
  private hadConnection = false;
  private abort = new AbortController();

  constructor(private readonly listener: Listener) {}

  start(): void {
    void this.run();
    addEventListener('online', this.retryNow);
  }

  stop(): void {
    this.stopped = true;
    this.abort.abort();
    removeEventListener('online', this.retryNow);
  }

  private wake: () => void = () => undefined;
  private retryNow = (): void => this.wake();

  private async run(): Promise<void> {
    while (!this.stopped) {
      this.listener.onState(this.failures ? 'offline' : 'connecting');
      const denied = await this.connect().catch(() => false);
      if (this.stopped) return;
      if (denied) {
        this.listener.onState('denied');
        return;
      }
      this.listener.onState('offline');
      const wait = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)]!;
      this.failures += 1;
      await new Promise<void>((done) => {
        this.wake = done;
        setTimeout(done, wait);
      });
    }
  }

  /** Read one connection to its end; true when the server denies it. */
  private async connect(): Promise<boolean> {
    this.abort = new AbortController();
    let silence = setTimeout(() => this.abort.abort(), SILENCE_MS);
    try {
      const headers: Record<string, string> = {Accept: 'text/event-stream'};
      if (this.lastId !== null) headers['Last-Event-ID'] = this.lastId;
      const response = await fetch('/v1/live', {headers, signal: this.abort.signal, cache: 'no-store'});
      if (response.status === 401 || response.status === 403) return true;
      if (!response.ok || !response.body) return false;
      this.failures = 0;
      this.listener.onState('live');
      if (this.hadConnection && this.lastId === null) this.listener.onGap();
      this.hadConnection = true;
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = '';
      for (;;) {
        const {done, value} = await reader.read();
        if (done) return false;
        clearTimeout(silence);
        silence = setTimeout(() => this.abort.abort(), SILENCE_MS);
        const blocks = (rest + value).replace(/\r\n?/g, '\n').split('\n\n');
        rest = blocks.pop() ?? '';
        for (const block of blocks) this.take(block);
      }
    } finally {
      clearTimeout(silence);
    }
  }

  private take(block: string): void {
    let kind = 'message';
    const data: string[] = [];
    for (const line of block.split('\n')) {
      const [, name, value] = /^([a-z]+): ?(.*)$/.exec(line) ?? [];
      if (name === 'id') this.lastId = value ?? null;
      else if (name === 'event') kind = value ?? kind;
      else if (name === 'data') data.push(value ?? '');
    }
    if (!data.length) return;
    let parsed: unknown;
    try {
      parsed = JSON.parse(data.join('\n'));
    } catch {
      return; // a message that cannot be read is not shown; the next read of the rows brings what it said
    }
    if (!parsed || typeof parsed !== 'object') return;
    const message = {kind, data: parsed as Record<string, unknown>};
    if (kind === 'status' && message.data.reset === true) this.listener.onGap();
    this.listener.onMessage(message);
  }
}
