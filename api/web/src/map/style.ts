/** The map's style from the colour tokens: land, water and places from our own file; no tiles, no borders, no network. */

import type {LayerSpecification, StyleSpecification} from 'maplibre-gl';
import basemapUrl from '../../../../geodata/data/basemap.geojson?url';
import {colour} from '../state/theme.svelte';

const EMPTY: GeoJSON.FeatureCollection = {type: 'FeatureCollection', features: []};
export const DATA_SOURCES = ['agreed', 'sides', 'incidents', 'ellipses', 'tracks', 'fixes', 'crossings'] as const;
export type DataSource = (typeof DATA_SOURCES)[number];

const role = (name: string): ['==', ['get', string], string] => ['==', ['get', 'role'], name];

export function styleOf(party: string | null): StyleSpecification {
  const c = {
    ink: colour('--ink'), ink2: colour('--ink-2'), sheet: colour('--sheet'), land: colour('--land'), water: colour('--water'),
    river: colour('--river'), rule: colour('--rule'), a: colour('--party-a'), b: colour('--party-b'), none: colour('--party-none'),
    changed: colour('--changed'),
  };
  const mark = party === 'A' ? c.a : party === 'B' ? c.b : c.none;
  const font = ['sans-serif'];
  const layers: LayerSpecification[] = [
    {id: 'water', type: 'background', paint: {'background-color': c.water}},
    {id: 'land', type: 'fill', source: 'base', filter: role('land'), paint: {'fill-color': c.land}},
    {id: 'lakes', type: 'fill', source: 'base', filter: role('lake'), paint: {'fill-color': c.water}},
    {id: 'rivers', type: 'line', source: 'base', filter: role('river'), paint: {'line-color': c.river, 'line-width': 1.2}},
    {
      id: 'belts', type: 'fill', source: 'agreed', filter: role('buffer'),
      paint: {'fill-color': ['match', ['get', 'side'], 'A', c.a, 'B', c.b, c.none], 'fill-opacity': 0.1},
    },
    {
      id: 'belt-edges', type: 'line', source: 'agreed', filter: role('buffer'),
      paint: {'line-color': ['match', ['get', 'side'], 'A', c.a, 'B', c.b, c.none], 'line-width': 1, 'line-opacity': 0.5, 'line-dasharray': [4, 3]},
    },
    {
      id: 'places', type: 'symbol', source: 'base', filter: role('place'),
      layout: {'text-field': ['get', 'name'], 'text-font': font, 'text-size': ['match', ['get', 'rank'], 1, 14, 2, 13, 12]},
      paint: {'text-color': c.ink2, 'text-halo-color': c.land, 'text-halo-width': 1.5},
    },
    {id: 'line-edge', type: 'line', source: 'agreed', filter: role('line'), paint: {'line-color': c.sheet, 'line-width': 5}},
    {id: 'line', type: 'line', source: 'agreed', filter: role('line'), paint: {'line-color': c.ink, 'line-width': 1.8}},
    {id: 'ellipses', type: 'fill', source: 'ellipses', paint: {'fill-color': mark, 'fill-opacity': 0.06}},
    {id: 'ellipse-edges', type: 'line', source: 'ellipses', paint: {'line-color': mark, 'line-width': 0.8, 'line-opacity': 0.6}},
    {
      id: 'incidents', type: 'line', source: 'incidents',
      paint: {'line-color': c.ink, 'line-width': 1.4, 'line-dasharray': [3, 2]},
    },
    {id: 'tracks', type: 'line', source: 'tracks', paint: {'line-color': mark, 'line-width': 1.4, 'line-opacity': 0.8}},
    {
      id: 'fixes', type: 'circle', source: 'fixes',
      paint: {
        'circle-radius': ['interpolate', ['linear'], ['zoom'], 10, 2, 14, ['case', ['get', 'isTrack'], 3, 4]],
        'circle-color': mark, 'circle-stroke-color': c.sheet,
        'circle-stroke-width': ['interpolate', ['linear'], ['zoom'], 12, 0, 14, 1],
      },
    },
    {
      id: 'crossings', type: 'circle', source: 'crossings',
      paint: {'circle-radius': 7, 'circle-color': 'rgba(0,0,0,0)', 'circle-stroke-color': c.ink, 'circle-stroke-width': 2},
    },
    {
      id: 'crossing-labels', type: 'symbol', source: 'crossings',
      layout: {
        'text-field': ['get', 'label'], 'text-font': font, 'text-size': 12, 'text-anchor': 'left', 'text-offset': [1, 0],
        'text-allow-overlap': true,
      },
      paint: {'text-color': c.ink, 'text-halo-color': c.sheet, 'text-halo-width': 2},
    },
    {
      id: 'sides', type: 'symbol', source: 'sides',
      layout: {'text-field': ['get', 'side'], 'text-font': font, 'text-size': 26, 'text-allow-overlap': true},
      paint: {
        'text-color': ['match', ['get', 'side'], 'A', c.a, c.b], 'text-halo-color': c.land, 'text-halo-width': 2,
      },
    },
  ];
  const data = Object.fromEntries(DATA_SOURCES.map((name) => [name, {type: 'geojson' as const, data: EMPTY}]));
  return {version: 8, sources: {base: {type: 'geojson', data: basemapUrl}, ...data}, layers};
}
