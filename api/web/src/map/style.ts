/** The map's style from the colour tokens: land, water and places from our own file; no tiles, no borders, no network. */

import type {ExpressionSpecification, FilterSpecification, LayerSpecification, StyleSpecification} from 'maplibre-gl';
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
  const side: ExpressionSpecification = ['match', ['get', 'side'], 'A', c.a, 'B', c.b, c.none];
  const font = ['sans-serif'];
  const layers: LayerSpecification[] = [
    {id: 'water', type: 'background', paint: {'background-color': c.water}},
    {id: 'land', type: 'fill', source: 'base', filter: role('land'), paint: {'fill-color': c.land}},
    {id: 'lakes', type: 'fill', source: 'base', filter: role('lake'), paint: {'fill-color': c.water}},
    {id: 'rivers', type: 'line', source: 'base', filter: role('river'), paint: {'line-color': c.river, 'line-width': 1.2}},
    // a critical belt lies inside the warning belt: fuller, with an unbroken edge, and drawn above it
    ...(['outer', 'critical'] as const).flatMap((which): LayerSpecification[] => {
      const isCritical = which === 'critical';
      const filter: FilterSpecification = ['all', role('buffer'), [isCritical ? '==' : '!=', ['get', 'belt'], 'critical']];
      return [
        {id: `belts-${which}`, type: 'fill', source: 'agreed', filter, paint: {'fill-color': side, 'fill-opacity': isCritical ? 0.2 : 0.1}},
        {
          id: `belt-edges-${which}`, type: 'line', source: 'agreed', filter,
          paint: {
            'line-color': side, 'line-width': isCritical ? 1.2 : 1, 'line-opacity': isCritical ? 0.8 : 0.5,
            ...(isCritical ? {} : {'line-dasharray': [4, 3]}),
          },
        },
      ];
    }),
    {
      id: 'places', type: 'symbol', source: 'base', filter: role('place'),
      layout: {'text-field': ['get', 'name'], 'text-font': font, 'text-size': ['match', ['get', 'rank'], 1, 14, 2, 13, 12]},
      paint: {'text-color': c.ink2, 'text-halo-color': c.land, 'text-halo-width': 1.5},
    },
    {id: 'line-edge', type: 'line', source: 'agreed', filter: role('line'), paint: {'line-color': c.sheet, 'line-width': 5}},
    {id: 'line', type: 'line', source: 'agreed', filter: role('line'), paint: {'line-color': c.ink, 'line-width': 1.8}},
    {id: 'ellipses', type: 'fill', source: 'ellipses', paint: {'fill-color': mark, 'fill-opacity': ['interpolate', ['linear'], ['zoom'], 10, 0.02, 13, 0.06]}},
    {id: 'ellipse-edges', type: 'line', source: 'ellipses', paint: {
      // a thousand ellipses seen from afar are a cloud, not a thousand edges
      'line-color': mark, 'line-width': 0.8, 'line-opacity': ['interpolate', ['linear'], ['zoom'], 10, 0.12, 13, 0.6],
    }},
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
      paint: {
        'circle-radius': ['case', ['==', ['get', 'badge'], ''], 7, 9],
        'circle-color': ['case', ['get', 'isNamed'], c.ink, c.sheet],
        'circle-opacity': ['case', ['all', ['==', ['get', 'badge'], ''], ['!', ['get', 'isNamed']]], 0.25, 1],
        'circle-stroke-color': ['case', ['get', 'isNamed'], c.sheet, c.ink], 'circle-stroke-width': 2,
      },
    },
    {
      id: 'crossing-counts', type: 'symbol', source: 'crossings',
      layout: {'text-field': ['get', 'badge'], 'text-font': font, 'text-size': 11, 'text-allow-overlap': true, 'text-ignore-placement': true},
      paint: {'text-color': ['case', ['get', 'isNamed'], c.sheet, c.ink]},
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
