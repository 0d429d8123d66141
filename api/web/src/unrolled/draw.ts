/** Drawing the unrolled line on a canvas: kilometres from left to right, time from top to bottom. */

import type {Mark, Sector} from '../api/types';
import {colour} from '../state/theme.svelte';

export interface Plot {
  width: number;
  height: number;
  left: number;
  right: number;
  top: number;
  bottom: number;
  length_m: number;
  from: number;
  to: number;
  /** How much smaller marks are drawn where there are many in little room. */
  shrink: number;
}

export const xOf = (plot: Plot, chainage_m: number): number =>
  plot.left + ((plot.width - plot.left - plot.right) * chainage_m) / plot.length_m;
export const yOf = (plot: Plot, at: number): number =>
  plot.top + ((plot.height - plot.top - plot.bottom) * (at - plot.from)) / (plot.to - plot.from);
export const chainageAt = (plot: Plot, x: number): number =>
  clamp(((x - plot.left) / (plot.width - plot.left - plot.right)) * plot.length_m, 0, plot.length_m);
export const timeAt = (plot: Plot, y: number): number =>
  clamp(plot.from + ((y - plot.top) / (plot.height - plot.top - plot.bottom)) * (plot.to - plot.from), plot.from, plot.to);
const clamp = (value: number, least: number, most: number): number => Math.min(most, Math.max(least, value));

export interface Brush {
  km_from: number;
  km_to: number;
  from: number | null;
  to: number | null;
}

export interface Scene {
  marks: Mark[];
  sectors: Sector[];
  now: number;
  chosenCase: string | null;
  brush: Brush | null;
  hours: {at: number; text: string}[];
}

/** How large a mark is, in pixels across: by the root of its weight, larger when a case was filed. */
export const sizeOf = (plot: Plot, mark: Mark): number =>
  Math.max(2.5, plot.shrink * Math.min(mark.case_number ? 13 : 8, (mark.case_number ? 8 : 3.5) + Math.sqrt(Math.max(0, mark.weight - 1))));

const ROOMY_PX2 = 900;
/** The share of their full size at which `count` marks leave each other room; never below a half. */
export const shrinkFor = (count: number, width: number, height: number): number =>
  Math.max(0.5, Math.min(1, Math.sqrt((width * height) / Math.max(1, count) / ROOMY_PX2)));

export const partyToken = (party: string | null): string =>
  party === 'A' ? '--party-a' : party === 'B' ? '--party-b' : '--party-none';

export function draw(canvas: HTMLCanvasElement, plot: Plot, scene: Scene): void {
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.round(plot.width * ratio);
  canvas.height = Math.round(plot.height * ratio);
  const pen = canvas.getContext('2d');
  if (!pen) return;
  pen.scale(ratio, ratio);
  const inside = {x: plot.left, y: plot.top, w: plot.width - plot.left - plot.right, h: plot.height - plot.top - plot.bottom};

  pen.fillStyle = colour('--sheet');
  pen.fillRect(inside.x, inside.y, inside.w, inside.h);
  const present = clamp(yOf(plot, scene.now), inside.y, inside.y + inside.h);
  hatch(pen, inside.x, inside.y, inside.w, present - inside.y);
  grid(pen, plot, scene, inside);
  if (scene.brush) shade(pen, plot, scene.brush, inside);
  drawMarks(pen, plot, scene);
  if (present > inside.y && present < inside.y + inside.h) {
    pen.strokeStyle = colour('--ink-2');
    pen.setLineDash([3, 3]);
    line(pen, inside.x, Math.round(present) + 0.5, inside.x + inside.w, Math.round(present) + 0.5);
    pen.setLineDash([]);
  }
}

/** Coverage that is not drawn here: sparse slanted lines, a texture of its own that can never be taken for quiet. */
function hatch(pen: CanvasRenderingContext2D, x: number, y: number, w: number, h: number): void {
  if (h <= 0) return;
  pen.save();
  pen.beginPath();
  pen.rect(x, y, w, h);
  pen.clip();
  pen.strokeStyle = colour('--hatch');
  pen.lineWidth = 1;
  pen.beginPath();
  for (let at = x - h; at < x + w; at += 7) {
    pen.moveTo(at, y + h);
    pen.lineTo(at + h, y);
  }
  pen.stroke();
  pen.restore();
}

function grid(
  pen: CanvasRenderingContext2D,
  plot: Plot,
  scene: Scene,
  inside: {x: number; y: number; w: number; h: number},
): void {
  pen.lineWidth = 1;
  pen.strokeStyle = colour('--hair');
  for (const hour of scene.hours) {
    const y = Math.round(yOf(plot, hour.at)) + 0.5;
    line(pen, inside.x, y, inside.x + inside.w, y);
  }
  for (const sector of scene.sectors) {
    const x = Math.round(xOf(plot, sector.to_m)) + 0.5;
    line(pen, x, inside.y, x, inside.y + inside.h);
  }
  pen.strokeStyle = colour('--rule');
  line(pen, inside.x, inside.y - 0.5, inside.x + inside.w, inside.y - 0.5);
}

function shade(
  pen: CanvasRenderingContext2D,
  plot: Plot,
  brush: Brush,
  inside: {x: number; y: number; w: number; h: number},
): void {
  const [x0, x1] = [xOf(plot, brush.km_from * 1000), xOf(plot, brush.km_to * 1000)];
  const y0 = brush.from === null ? inside.y : yOf(plot, brush.from);
  const y1 = brush.to === null ? inside.y + inside.h : yOf(plot, brush.to);
  pen.fillStyle = colour('--act');
  pen.globalAlpha = 0.12;
  pen.fillRect(x0, y0, x1 - x0, y1 - y0);
  pen.globalAlpha = 1;
  pen.strokeStyle = colour('--act');
  pen.strokeRect(Math.round(x0) + 0.5, Math.round(y0) + 0.5, Math.round(x1 - x0), Math.round(y1 - y0));
}

/** What a mark carries besides, by the kind of its incident, in units of its size; fire carries nothing. */
const STROKES: Record<string, [number, number, number, number][]> = {
  movement: [[0, -1, 0, 1]], // across the mark, as it went across the line
  works: [[-1, 0.95, 1, 0.95]], // the ground that was dug
  presence: [[-1, 0.95, 1, 0.95], [-1, -0.95, 1, -0.95]],
  interference: [[-0.9, -0.9, 0.9, 0.9], [-0.9, 0.9, 0.9, -0.9]],
  outage: [[-0.9, 0.9, 0.9, -0.9]],
};

function drawMarks(pen: CanvasRenderingContext2D, plot: Plot, scene: Scene): void {
  const inks = new Map(['--party-a', '--party-b', '--party-none', '--sheet', '--ink'].map((name) => [name, colour(name)]));
  const behind = scene.marks.filter((mark) => !mark.case_number);
  const before = scene.marks.filter((mark) => mark.case_number);
  // one mark of the open case gets a wide ring; many of them narrow ones
  const isAlone = scene.marks.filter((mark) => mark.case_number && mark.case_number === scene.chosenCase).length < 4;
  for (const mark of [...behind, ...before]) {
    const x = xOf(plot, mark.chainage_m);
    const y = yOf(plot, Date.parse(mark.t));
    const r = sizeOf(plot, mark) / 2;
    const ink = inks.get(partyToken(mark.party)) ?? '';
    const isPlain = mark.verdict === 'permitted';
    pen.globalAlpha = mark.case_number ? 1 : mark.state === 'provisional' ? 0.35 : 0.6;
    shape(pen, mark.party, x, y, r);
    if (isPlain) {
      pen.strokeStyle = ink;
      pen.lineWidth = 1;
      pen.stroke();
    } else {
      pen.fillStyle = ink;
      pen.fill();
      if (mark.case_number) {
        pen.strokeStyle = inks.get('--sheet') ?? '';
        pen.lineWidth = 1;
        pen.stroke();
      }
    }
    if (!isPlain) {
      pen.strokeStyle = ink;
      pen.lineWidth = 1.5;
      for (const [x0, y0, x1, y1] of STROKES[mark.kind] ?? []) {
        line(pen, x + x0 * (r + 3), y + y0 * (r + 3), x + x1 * (r + 3), y + y1 * (r + 3));
      }
    }
    pen.globalAlpha = 1;
    if (mark.case_number && mark.case_number === scene.chosenCase) {
      pen.strokeStyle = inks.get('--ink') ?? '';
      pen.lineWidth = isAlone ? 1.5 : 1;
      pen.beginPath();
      pen.arc(x, y, r + (isAlone ? 5 : 2), 0, 2 * Math.PI);
      pen.stroke();
    }
  }
}

/** A is square, B is round, undetermined stands on its corner. */
function shape(pen: CanvasRenderingContext2D, party: string | null, x: number, y: number, r: number): void {
  pen.beginPath();
  if (party === 'A') pen.rect(x - r * 0.89, y - r * 0.89, r * 1.78, r * 1.78);
  else if (party === 'B') pen.arc(x, y, r, 0, 2 * Math.PI);
  else {
    const d = r * 1.25;
    pen.moveTo(x, y - d);
    pen.lineTo(x + d, y);
    pen.lineTo(x, y + d);
    pen.lineTo(x - d, y);
    pen.closePath();
  }
}

function line(pen: CanvasRenderingContext2D, x0: number, y0: number, x1: number, y1: number): void {
  pen.beginPath();
  pen.moveTo(x0, y0);
  pen.lineTo(x1, y1);
  pen.stroke();
}

/** The mark under a point, if any: the nearest within reach, one with a case before one without. */
export function markAt(plot: Plot, marks: Mark[], x: number, y: number): Mark | null {
  let best: Mark | null = null;
  let least = Infinity;
  for (const mark of marks) {
    const off = Math.hypot(xOf(plot, mark.chainage_m) - x, yOf(plot, Date.parse(mark.t)) - y);
    const reach = sizeOf(plot, mark) / 2 + 4;
    const cost = off - (mark.case_number ? 4 : 0);
    if (off <= reach && cost < least) [best, least] = [mark, cost];
  }
  return best;
}
