/** Belts of the agreement: where they are wide, what they are called, how they are told apart. */

import {width as widthText} from '../text/measure';
import {t} from '../text/say';

export interface BeltKind {
  /** `warning`, `critical`, or '' where the agreement knows one belt only. */
  belt: string;
  text: string;
}

/** One entry for the legend per kind of belt, widest first: `critical belt, 500 m`. */
export function beltKinds(features: GeoJSON.Feature[]): BeltKind[] {
  const belts = features.filter(({properties}) => properties?.role === 'buffer').map(({properties}) => properties!);
  const byKind = Map.groupBy(belts, (belt) => (typeof belt.belt === 'string' ? belt.belt : ''));
  const widest = (group: typeof belts): number => Math.max(...group.map((belt) => Number(belt.width_m) || 0));
  return [...byKind]
    .sort(([, a], [, b]) => widest(b) - widest(a))
    .map(([belt, group]) => {
      const name = belt === 'warning' || belt === 'critical' ? t(`map.belt.${belt}`) : belt || t('map.belt.one');
      const widths = new Map(group.map((one) => [String(one.side), Number(one.width_m) || 0]));
      const same = new Set(widths.values());
      const text =
        same.size === 1
          ? widthText([...same][0]!)
          : [...widths].map(([side, width]) => t('map.belt.side', {side, width: widthText(width)})).join(', ');
      return {belt, text: `${name}, ${text}`};
    });
}
