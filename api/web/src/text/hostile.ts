/**
 * Text that came from outside is shown as text. Characters that would change how other text looks (directions,
 * zero widths, control characters) are taken out and shown as marks.
 */

export interface Piece {
  text: string;
  /** For a mark: its code point and name, such as `U+202E` and `RLO`. */
  code?: string;
}

const NAMES: Record<number, string> = {
  0x061c: 'ALM', 0x200b: 'ZWSP', 0x200c: 'ZWNJ', 0x200d: 'ZWJ', 0x200e: 'LRM', 0x200f: 'RLM',
  0x202a: 'LRE', 0x202b: 'RLE', 0x202c: 'PDF', 0x202d: 'LRO', 0x202e: 'RLO',
  0x2060: 'WJ', 0x2066: 'LRI', 0x2067: 'RLI', 0x2068: 'FSI', 0x2069: 'PDI', 0xfeff: 'BOM',
};
// controls (but tab and line feed), format characters, tags, and the third and later mark stacked on one letter
const STRANGE = /[\p{Cc}\p{Cf}\u2028\u2029\u{e0000}-\u{e0fff}]|(?<=\p{M}{2})\p{M}+/gu;

export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(STRANGE)) {
    const [mark] = match;
    if (mark === '\n' || mark === '\t') continue;
    if (match.index > from) found.push({text: text.slice(from, match.index)});
    const point = mark.codePointAt(0) ?? 0;
    const code = `U+${point.toString(16).toUpperCase().padStart(4, '0')}`;
    found.push({text: NAMES[point] ?? code, code});
    from = match.index + mark.length;
  }
  if (from < text.length) found.push({text: text.slice(from)});
  return found;
}

/** Plain text for places that take no markup (titles, labels): marks become `[RLO]`. */
export const plain = (text: string): string => pieces(text).map((p) => (p.code ? `[${p.text}]` : p.text)).join('');

/** Cut after `limit` characters, never inside a surrogate pair. */
export function cut(text: string, limit: number): string {
  const last = text.charCodeAt(limit - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? limit - 1 : limit);
}
