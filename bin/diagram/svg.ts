/** Descriptions as SVG: topics and steps in columns from left to right, each sub-topology in its colour. */

import type { Description, Drawing, DrawnArrow, DrawnNode } from './graph.ts';
import { drawingOf } from './graph.ts';

const COLUMN = 300;
const ROW = 56;
const WIDTH = 210;
const HEIGHT = 36;
const MARGIN = 24;
const COLORS = ['#4c78a8', '#f58518', '#54a24b', '#b279a2', '#e45756', '#72b7b2', '#9d755d'];
const TOPIC_COLOR = '#6b7280';

interface Place {
  readonly x: number;
  readonly y: number;
}

export function renderSvg(description: Description): string {
  const drawing = drawingOf(description);
  const places = placesOf(drawing);
  const colors = new Map(
    description.subtopologies.map((sub, i) => [sub.name, COLORS[i % COLORS.length] ?? TOPIC_COLOR]),
  );
  const colorOf = (node: DrawnNode): string => colors.get(node.subtopology ?? '') ?? TOPIC_COLOR;
  const width = Math.max(...[...places.values()].map(({ x }) => x)) + WIDTH + MARGIN;
  const height = Math.max(...[...places.values()].map(({ y }) => y)) + HEIGHT + MARGIN;
  const at = (id: string): Place => places.get(id) ?? { x: 0, y: 0 };
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="13">`,
    `<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="${TOPIC_COLOR}"/></marker></defs>`,
    ...drawing.arrows.map((arrow) => svgArrow(arrow, at(arrow.from), at(arrow.to))),
    ...drawing.nodes.map((node) => svgNode(node, at(node.id), colorOf(node))),
    '</svg>\n',
  ].join('\n');
}

/** Column = the longest way from an input; rows in the order in which nodes are met. */
function placesOf({ nodes, arrows }: Drawing): ReadonlyMap<string, Place> {
  const columns = new Map<string, number>();
  const columnOf = (id: string): number => {
    const known = columns.get(id);
    if (known !== undefined) return known;
    columns.set(id, 0); // a way back counts as no way
    const before = arrows
      .filter((arrow) => arrow.to === id && !arrow.feedback)
      .map((arrow) => columnOf(arrow.from) + 1);
    const column = Math.max(0, ...before);
    columns.set(id, column);
    return column;
  };
  const filled = new Map<number, number>();
  return new Map(
    nodes.map((node) => {
      const column = columnOf(node.id);
      const row = filled.get(column) ?? 0;
      filled.set(column, row + 1);
      return [node.id, { x: MARGIN + column * COLUMN, y: MARGIN + row * ROW }];
    }),
  );
}

function svgNode({ label, kind }: DrawnNode, { x, y }: Place, color: string): string {
  const radius = kind === 'topic' ? HEIGHT / 2 : kind === 'store' ? 10 : 2;
  const fill = kind === 'step' ? color : '#ffffff';
  const ink = kind === 'step' ? '#ffffff' : '#111827';
  const dash = kind === 'store' ? ' stroke-dasharray="4 3"' : '';
  return (
    `<rect x="${x}" y="${y}" width="${WIDTH}" height="${HEIGHT}" rx="${radius}" fill="${fill}" stroke="${color}" stroke-width="1.5"${dash}/>` +
    `<text x="${x + WIDTH / 2}" y="${y + HEIGHT / 2 + 4}" text-anchor="middle" fill="${ink}">${escape(label)}</text>`
  );
}

function svgArrow({ feedback, to }: DrawnArrow, from: Place, end: Place): string {
  const [x1, y1, x2, y2] = [from.x + WIDTH, from.y + HEIGHT / 2, end.x, end.y + HEIGHT / 2];
  const bend = Math.max(40, Math.abs(x2 - x1) / 2);
  const dash = feedback ? ' stroke-dasharray="6 4"' : '';
  const head = to.startsWith('store:') ? '' : ' marker-end="url(#head)"';
  return `<path d="M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}" fill="none" stroke="${TOPIC_COLOR}" stroke-opacity="0.6"${dash}${head}/>`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
