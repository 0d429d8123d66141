/** MapLibre, loaded with the first map. Its worker is a file of our own origin, as the security policy asks. */

import {Map as LibreMap, ScaleControl, setWorkerUrl, type StyleSpecification} from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url';
import 'maplibre-gl/dist/maplibre-gl.css';

setWorkerUrl(workerUrl);

export function makeMap(container: HTMLElement, style: StyleSpecification, bounds: [number, number, number, number]): LibreMap {
  const map = new LibreMap({
    container,
    style,
    bounds,
    fitBoundsOptions: {padding: 32, maxZoom: 16},
    maxZoom: 18,
    attributionControl: false, // the attribution stands below the map
    dragRotate: false,
    pitchWithRotate: false,
    fadeDuration: 0,
    cooperativeGestures: false,
  });
  map.touchZoomRotate.disableRotation();
  map.addControl(new ScaleControl({maxWidth: 90}), 'bottom-left');
  return map;
}
