/** Crossings as the map marks them: those that would lie on one another at this zoom share one mark with a count. */

import type {Crossing} from '../api/types';
import {probabilityNumber, probabilityWord} from '../text/measure';
import {number, t} from '../text/say';
import {clock, day, dayAndSeconds, dayAndTime, hourMinute} from '../text/time.svelte';

export interface CrossingGroup {
  lon: number;
  lat: number;
  crossings: Crossing[];
}

/** Marks closer than this, in pixels, become one. */
const REACH_PX = 30;
const TILE_PX = 512;

/** Web Mercator at `zoom`, in pixels. */
function pixel(lon: number, lat: number, zoom: number): [number, number] {
  const world = TILE_PX * 2 ** zoom;
  const slope = Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360));
  return [(world * (lon + 180)) / 360, world * (0.5 - slope / (2 * Math.PI))];
}

/** Groups in the order of their first crossing; each stands at the mean of its places. */
export function grouped(crossings: Crossing[], until: number, zoom: number): CrossingGroup[] {
  const groups: CrossingGroup[] = [];
  const placed = crossings
    .filter((one) => one.lon !== null && one.lat !== null && Date.parse(one.time) <= until)
    .sort((a, b) => a.time.localeCompare(b.time));
  for (const one of placed) {
    const [x, y] = pixel(one.lon!, one.lat!, zoom);
    const near = groups.find((group) => {
      const [gx, gy] = pixel(group.lon, group.lat, zoom);
      return Math.hypot(gx - x, gy - y) < REACH_PX;
    });
    if (!near) {
      groups.push({lon: one.lon!, lat: one.lat!, crossings: [one]});
      continue;
    }
    near.crossings.push(one);
    const n = near.crossings.length;
    near.lon += (one.lon! - near.lon) / n;
    near.lat += (one.lat! - near.lat) / n;
  }
  return groups;
}

export const arrow = (direction: string | null): string => (direction ?? '').replace('>', ' → ');

/** What the label of a mark says: the first line names it and when, the second says how sure or which way. */
export function groupLabel({crossings}: CrossingGroup): [string, string] {
  const [first] = crossings;
  if (crossings.length === 1 && first) {
    const sure = first.probability === null ? '' : `${probabilityNumber(first.probability)} ${probabilityWord(first.probability)}`;
    return [`${arrow(first.direction)}  ${dayAndSeconds(first.time)}`, sure];
  }
  const ways = [...Map.groupBy(crossings, (one) => one.direction ?? '')].filter(([way]) => way);
  const counts = ways.map(([way, ones]) => `${number(ones.length)} × ${arrow(way)}`).join(', ');
  const [from, to] = [first!.time, crossings.at(-1)!.time];
  const when =
    day(from) !== day(to)
      ? `${dayAndTime(from)} – ${dayAndTime(to)}`
      : hourMinute(from) === hourMinute(to) ? `${day(from)} ${clock(from)} – ${clock(to)}` : `${dayAndTime(from)} – ${hourMinute(to)}`;
  return [`${t('map.crossings', {n: crossings.length})}, ${when}`, counts];
}

/** The marks as GeoJSON: how many crossings each stands for, and whether it is the one with the label. */
export function crossingMarks(groups: CrossingGroup[], named: CrossingGroup | null): GeoJSON.FeatureCollection {
  return {
    type: 'FeatureCollection',
    features: groups.map((group, index) => ({
      type: 'Feature',
      geometry: {type: 'Point', coordinates: [group.lon, group.lat]},
      properties: {index, badge: group.crossings.length > 1 ? String(group.crossings.length) : '', isNamed: group === named},
    })),
  };
}

const MARK_PX = 14;
const LETTER_PX = 6.9;
const LINE_PX = 17;

/**
 * Where the label of the mark at `at` stands: beside, above or below it, inside the frame, and over as few other marks
 * as can be. The size of the text is estimated; its box is never wider than `width`.
 */
export function labelPlace(
  at: {x: number; y: number},
  lines: string[],
  others: {x: number; y: number}[],
  frame: {width: number; height: number},
): {x: number; y: number; width: number} {
  const shown = lines.filter(Boolean);
  const width = Math.min(Math.max(...shown.map((line) => line.length)) * LETTER_PX + 20, frame.width - 16);
  const height = shown.length * LINE_PX + 6;
  const places = [
    {x: at.x + MARK_PX, y: at.y - height / 2},
    {x: at.x - MARK_PX - width, y: at.y - height / 2},
    {x: at.x - width / 2, y: at.y - MARK_PX - height},
    {x: at.x - width / 2, y: at.y + MARK_PX},
  ].map(({x, y}, order) => {
    const inside = {
      x: Math.min(Math.max(x, 4), frame.width - width - 4),
      y: Math.min(Math.max(y, 4), frame.height - height - 4),
    };
    const isOver = (mark: {x: number; y: number}): boolean =>
      mark.x > inside.x - 10 && mark.x < inside.x + width + 10 && mark.y > inside.y - 10 && mark.y < inside.y + height + 10;
    const moved = Math.hypot(inside.x - x, inside.y - y);
    return {...inside, cost: others.filter(isOver).length * 100 + (isOver(at) ? 1000 : 0) + moved + order};
  });
  const {x, y} = places.reduce((best, place) => (place.cost < best.cost ? place : best));
  return {x, y, width};
}
