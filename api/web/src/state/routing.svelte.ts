/** Where the reader is: the path and query of the page, so that every view is a link. */

class Route {
  path = $state(location.pathname);
  query = $state.raw(new URLSearchParams(location.search));

  constructor() {
    addEventListener('popstate', () => this.read());
    document.addEventListener('click', (event) => this.follow(event));
  }

  private read(): void {
    this.path = location.pathname;
    this.query = new URLSearchParams(location.search);
  }

  go(target: string, replace = false): void {
    if (target === location.pathname + location.search) return;
    history[replace ? 'replaceState' : 'pushState'](null, '', target);
    this.read();
  }

  /** This page with some values of the query changed; null or '' takes one away. */
  with(changes: Record<string, string | null>, path = this.path): string {
    const query = new URLSearchParams(this.query);
    for (const [name, value] of Object.entries(changes)) {
      if (value) query.set(name, value);
      else query.delete(name);
    }
    const text = query.toString();
    return text ? `${path}?${text}` : path;
  }

  private follow(event: MouseEvent): void {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (!link || link.target || link.origin !== location.origin || link.pathname.startsWith('/v1/')) return;
    event.preventDefault();
    this.go(link.pathname + link.search);
  }
}

export const route = new Route();

export type View = 'cases' | 'reports' | 'sensors' | 'quality' | 'legend';
export const VIEWS: Record<View, string> = {
  cases: '/cases',
  reports: '/reports',
  sensors: '/sensors',
  quality: '/quality',
  legend: '/how-this-works',
};

export function currentView(path: string): View {
  const found = (Object.keys(VIEWS) as View[]).find((view) => path === VIEWS[view] || path.startsWith(`${VIEWS[view]}/`));
  return found ?? 'cases';
}

/** `/cases/2026-00412/evidence` → the number and the tab. */
export function caseOf(path: string): {number: string | null; tab: string} {
  const [, , number, tab] = path.split('/');
  const isCase = path.startsWith('/cases/') && Boolean(number);
  return {number: isCase ? decodeURIComponent(number!) : null, tab: tab || 'findings'};
}

export const casePath = (number: string, tab = ''): string =>
  `/cases/${encodeURIComponent(number)}${tab ? `/${tab}` : ''}`;
