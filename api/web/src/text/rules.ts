/** The rules that the program knows, in the order of the agreement; the queue's filter and the pages name them so. */
export const RULES = [
  'line_crossing', 'buffer_incursion', 'ceasefire_fire', 'cross_line_fire', 'heavy_weapon_zone', 'force_build_up', 'air_violation',
  'engineering_works', 'monitor_interference', 'sensor_outage',
] as const;
