/** Keys of the whole page. A view registers what a key does while it is shown; typing in a field is left alone. */

type Action = () => void;

class Keys {
  helpShown = $state(false);
  private actions = new Map<string, Action[]>();
  private prefix = '';
  private prefixEnds = 0;

  constructor() {
    addEventListener('keydown', (event) => this.press(event));
  }

  /** Give keys a meaning; `g c` is two keys after each other. The newest meaning of a key counts. */
  use(meanings: Record<string, Action>): () => void {
    for (const [key, action] of Object.entries(meanings)) {
      this.actions.set(key, [...(this.actions.get(key) ?? []), action]);
    }
    return () => {
      for (const [key, action] of Object.entries(meanings)) {
        this.actions.set(key, (this.actions.get(key) ?? []).filter((other) => other !== action));
      }
    };
  }

  private press(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target instanceof HTMLElement ? event.target : null;
    if (event.key === 'Escape' && target && isField(target)) {
      target.blur();
      return;
    }
    if (document.querySelector('dialog[open]') || (target && isField(target))) return;
    if (event.key === 'Enter' && target?.closest('a, button, summary')) return;
    const now = event.timeStamp;
    const name = this.prefix && now < this.prefixEnds ? `${this.prefix} ${event.key}` : event.key;
    this.prefix = '';
    const action = this.actions.get(name)?.at(-1);
    if (action) {
      event.preventDefault();
      action();
    } else if (event.key === 'g') {
      this.prefix = 'g';
      this.prefixEnds = now + 1500;
    }
  }
}

const isField = (element: HTMLElement): boolean =>
  element.isContentEditable || (/^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName) && !element.matches('[type=range],[type=checkbox],[type=radio]'));

export const keys = new Keys();
