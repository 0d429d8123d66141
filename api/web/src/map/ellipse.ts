/** Error ellipses as polygons in longitude and latitude. */

const M_PER_DEG_LAT = 111_200;
/** The ellipse that holds 90 % of a two-dimensional normal error: sqrt(-2 ln 0.1) standard deviations. */
export const CE90 = 2.146;
const CORNERS = 48;

/**
 * The ring around (`lon`, `lat`) at `scale` standard deviations; `azimuth_deg` is where the major axis points,
 * clockwise from north. Plane geometry: good to a fraction of a percent for the few kilometres drawn.
 */
export function ellipse(lon: number, lat: number, major_m: number, minor_m: number, azimuth_deg = 0, scale = CE90): GeoJSON.Polygon {
  const azimuth = (azimuth_deg * Math.PI) / 180;
  const m_per_deg_lon = M_PER_DEG_LAT * Math.cos((lat * Math.PI) / 180);
  const ring = Array.from({length: CORNERS + 1}, (_, i) => {
    const turn = ((i % CORNERS) * 2 * Math.PI) / CORNERS;
    const along = major_m * scale * Math.cos(turn);
    const across = minor_m * scale * Math.sin(turn);
    const east = along * Math.sin(azimuth) + across * Math.cos(azimuth);
    const north = along * Math.cos(azimuth) - across * Math.sin(azimuth);
    return [lon + east / m_per_deg_lon, lat + north / M_PER_DEG_LAT];
  });
  return {type: 'Polygon', coordinates: [ring]};
}
