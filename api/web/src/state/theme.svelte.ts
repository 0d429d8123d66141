/** Light, dark, or as the system says; remembered in this browser. */

export type Theme = 'auto' | 'light' | 'dark';
const KEY = 'contactline:theme';

class Appearance {
  theme = $state<Theme>('auto');
  /** Grows whenever colours may have changed, so that canvases draw again. */
  turn = $state(0);

  constructor() {
    try {
      const stored = localStorage.getItem(KEY);
      if (stored === 'light' || stored === 'dark') this.theme = stored;
    } catch {
      // no storage: as the system says
    }
    this.show();
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => (this.turn += 1));
  }

  choose(theme: Theme): void {
    this.theme = theme;
    this.show();
    this.turn += 1;
    try {
      if (theme === 'auto') localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, theme);
    } catch {
      // it holds until the page is closed
    }
  }

  private show(): void {
    if (this.theme === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = this.theme;
  }
}

export const appearance = new Appearance();

let probe: HTMLElement | null = null;

/** The present value of a colour token such as `--ink`, for canvases and maps that know no variables. */
export function colour(token: string): string {
  if (!probe) {
    probe = document.createElement('span');
    probe.hidden = true;
    document.body.append(probe);
  }
  probe.style.color = `var(${token})`;
  return getComputedStyle(probe).color;
}
