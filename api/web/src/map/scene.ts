/** What a case map shows, as GeoJSON: fixes, their ellipses, tracks, incidents, letters of the sides. */

import type {EvidenceFeature, Incident} from '../api/types';
import {hourMinute} from '../text/time.svelte';
import {ellipse} from './ellipse';

export type Collection = GeoJSON.FeatureCollection;

const collection = (features: GeoJSON.Feature[]): Collection => ({type: 'FeatureCollection', features});

const placed = (events: EvidenceFeature[], until: number): EvidenceFeature[] =>
  events.filter((event) => event.geometry && Date.parse(event.properties.time) <= until);

export function fixes(events: EvidenceFeature[], until: number): Collection {
  return collection(
    placed(events, until).map((event) => ({
      type: 'Feature',
      geometry: event.geometry!,
      properties: {id: event.properties.event_id, isTrack: event.properties.kind === 'track', time: event.properties.time},
    })),
  );
}

export function ellipses(events: EvidenceFeature[], until: number): Collection {
  return collection(
    placed(events, until).flatMap((event) => {
      const [lon = 0, lat = 0] = event.geometry!.coordinates;
      const major = event.properties.sigma_major_m ?? event.properties.sigma_m;
      const minor = event.properties.sigma_minor_m ?? event.properties.sigma_m;
      if (!major || !minor) return [];
      const geometry = ellipse(lon, lat, major, minor, event.properties.sigma_azimuth_deg ?? 0);
      return [{type: 'Feature' as const, geometry, properties: {}}];
    }),
  );
}

/** One line per track of one sensor, in the order of time. */
export function tracks(events: EvidenceFeature[], until: number): Collection {
  const byTrack = new Map<string, EvidenceFeature[]>();
  for (const event of placed(events, until)) {
    const {sensor_id, track_id} = event.properties;
    if (!track_id) continue;
    const key = `${sensor_id}/${track_id}`;
    byTrack.set(key, [...(byTrack.get(key) ?? []), event]);
  }
  return collection(
    [...byTrack.values()].map((fixes) => ({
      type: 'Feature',
      properties: {},
      geometry: {
        type: 'LineString',
        coordinates: fixes
          .sort((a, b) => a.properties.time.localeCompare(b.properties.time))
          .map((event) => event.geometry!.coordinates),
      },
    })),
  );
}

export function incidents(found: Incident[]): Collection {
  return collection(
    found.flatMap((incident) => {
      const {lon, lat, sigma_major_m: major, sigma_minor_m: minor} = incident;
      if (lon === null || lat === null || !major || !minor) return [];
      const geometry = ellipse(lon, lat, major, minor, incident.sigma_azimuth_deg ?? 0);
      return [{type: 'Feature' as const, geometry, properties: {label: hourMinute(incident.time_start)}}];
    }),
  );
}

type Point = [number, number];

/** Longitudes shortened so that a degree means the same length both ways; good near `lat`. */
const flat = (points: Point[], lat: number): Point[] => points.map(([x, y]) => [x * Math.cos((lat * Math.PI) / 180), y]);

/** Nearest place on a polyline: the place, the direction of its edge, and the side (+1 left, -1 right) of `at`. */
function nearest(points: Point[], at: Point): {foot: Point; along: Point; side: number; distance: number} {
  let best = {foot: at, along: [1, 0] as Point, side: 0, distance: Infinity};
  for (let i = 1; i < points.length; i++) {
    const [a, b] = [points[i - 1]!, points[i]!];
    const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
    const length = Math.hypot(dx, dy);
    if (!length) continue;
    const t = Math.min(1, Math.max(0, ((at[0] - a[0]) * dx + (at[1] - a[1]) * dy) / length ** 2));
    const foot: Point = [a[0] + t * dx, a[1] + t * dy];
    const distance = Math.hypot(at[0] - foot[0], at[1] - foot[1]);
    if (distance < best.distance) {
      best = {foot, along: [dx / length, dy / length], side: Math.sign(dx * (at[1] - a[1]) - dy * (at[0] - a[0])), distance};
    }
  }
  return best;
}

/**
 * Letters A and B beside the line, near `at` and inside `frame` (west, south, east, north). Several places are tried;
 * one beyond another bend, on the wrong side, is never taken, so that a letter always tells the truth.
 */
export function sideLetters(line: Collection, at: Point, frame: [number, number, number, number]): Collection {
  const features: GeoJSON.Feature[] = [];
  const scale = Math.cos((at[1] * Math.PI) / 180);
  const reach = Math.min(frame[3] - frame[1], (frame[2] - frame[0]) * scale);
  const [wide, high] = [frame[2] - frame[0], frame[3] - frame[1]];
  // inside the frame, and not where the scale bar stands
  const isShown = ([x, y]: Point): boolean =>
    x / scale > frame[0] && x / scale < frame[2] && y > frame[1] && y < frame[3] &&
    (x / scale > frame[0] + 0.3 * wide || y > frame[1] + 0.16 * high);
  for (const {geometry, properties} of line.features) {
    if (properties?.role !== 'line' || geometry.type !== 'LineString') continue;
    const near = (geometry.coordinates as Point[]).filter(
      ([x, y]) => Math.abs(y - at[1]) < 4 * reach + 0.05 && Math.abs(x - at[0]) * scale < 4 * reach + 0.05,
    );
    if (near.length < 2) continue;
    const points = flat(near, at[1]);
    const {foot, along} = nearest(points, [at[0] * scale, at[1]]);
    const left = properties.left_side === 'B' ? 'B' : 'A';
    for (const [side, sign] of [[left, 1], [left === 'A' ? 'B' : 'A', -1]] as const) {
      const place = letterPlace(points, foot, along, sign, reach, isShown);
      if (!place) continue;
      const geometry: GeoJSON.Point = {type: 'Point', coordinates: [place[0] / scale, place[1]]};
      features.push({type: 'Feature', geometry, properties: {side}});
    }
  }
  return collection(features);
}

function letterPlace(
  points: Point[],
  foot: Point,
  along: Point,
  sign: number,
  reach: number,
  isShown: (place: Point) => boolean,
): Point | null {
  for (const off of [0.3, 0.2, 0.13, 0.09]) {
    for (const shift of [0.28, -0.28, 0.4, -0.4, 0.15, -0.15, 0]) {
      const place: Point = [
        foot[0] + reach * (along[0] * shift - along[1] * off * sign),
        foot[1] + reach * (along[1] * shift + along[0] * off * sign),
      ];
      const seen = nearest(points, place);
      if (seen.side === sign && seen.distance > reach * off * 0.5 && isShown(place)) return place;
    }
  }
  return null;
}

/** West, south, east, north of everything in `collections`, at least `least_m` wide. */
export function bounds(collections: Collection[], around: [number, number], least_m = 800): [number, number, number, number] {
  let [west, south, east, north] = [Infinity, Infinity, -Infinity, -Infinity];
  const take = (position: unknown): void => {
    if (!Array.isArray(position)) return;
    if (typeof position[0] === 'number') {
      const [x, y] = position as [number, number];
      [west, south, east, north] = [Math.min(west, x), Math.min(south, y), Math.max(east, x), Math.max(north, y)];
    } else position.forEach(take);
  };
  for (const {features} of collections) {
    for (const {geometry} of features) if ('coordinates' in geometry) take(geometry.coordinates);
  }
  const half = least_m / 2 / 111_200;
  const halfLon = half / Math.cos((around[1] * Math.PI) / 180);
  return [
    Math.min(west, around[0] - halfLon),
    Math.min(south, around[1] - half),
    Math.max(east, around[0] + halfLon),
    Math.max(north, around[1] + half),
  ];
}
