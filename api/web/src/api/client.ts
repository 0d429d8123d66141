/** Requests to `/v1`: same origin, session cookie, problem details as errors. */

export class ApiProblem extends Error {
  constructor(
    /** The HTTP status, or 0 when no answer came. */
    readonly status: number,
    readonly code: string,
    title: string,
    readonly detail: string,
  ) {
    super(title);
  }
  get isOffline(): boolean {
    return this.status === 0;
  }
  get isDenied(): boolean {
    return this.status === 403;
  }
}

let onSessionLost: () => void = () => undefined;

/** Call `listener` whenever an answer says that nobody is signed in. */
export function whenSessionIsLost(listener: () => void): void {
  onSessionLost = listener;
}

async function request<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      signal,
      credentials: 'same-origin',
      headers: {
        Accept: 'application/json',
        'X-Requested-With': 'contactline',
        ...(body === undefined ? {} : {'Content-Type': 'application/json'}),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiProblem(0, 'offline', '', '');
  }
  if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T;
  const problem = await problemOf(response);
  if (response.status === 401 && path !== '/v1/session') onSessionLost();
  throw problem;
}

async function problemOf(response: Response): Promise<ApiProblem> {
  const body = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  const text = (key: string): string => (typeof body[key] === 'string' ? (body[key] as string) : '');
  const code = text('code') || text('type').split(/[/:#]/).pop() || String(response.status);
  return new ApiProblem(response.status, code, text('title') || response.statusText, text('detail'));
}

export const get = <T>(path: string, signal?: AbortSignal): Promise<T> => request<T>('GET', path, undefined, signal);
export const post = <T>(path: string, body: unknown): Promise<T> => request<T>('POST', path, body);
export const remove = (path: string): Promise<unknown> => request('DELETE', path);

/** A query string from the given values, without the empty ones. */
export function query(values: Record<string, string | number | null | undefined>): string {
  const kept = Object.entries(values).filter(([, value]) => value !== '' && value !== null && value !== undefined);
  return kept.length ? `?${new URLSearchParams(kept.map(([key, value]) => [key, String(value)]))}` : '';
}
