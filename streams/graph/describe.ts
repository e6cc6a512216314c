/** Prints a topology: as text for a terminal, as a Mermaid flowchart for a page, as JSON for a program. */

import { descriptionOf } from './description.ts';
import type {
  EdgeDescription,
  InputDescription,
  StoreDescription,
  SubtopologyDescription,
  TopologyDescription,
} from './description.ts';
import { mermaidOf } from './mermaid.ts';
import { OUT } from './nodes.ts';
import type { Topology } from './topology.ts';

export type DescriptionFormat = 'text' | 'mermaid' | 'json';

/** The same topology always gives the same text. Internal topics stand as `<application>-…`, for the id is not part of it. */
export function describe(topology: Topology, format: DescriptionFormat): string {
  const description = descriptionOf(topology);
  switch (format) {
    case 'text':
      return textOf(description);
    case 'mermaid':
      return mermaidOf(description);
    case 'json':
      return JSON.stringify(description, null, 2);
  }
}

function textOf({ subtopologies, globalTables }: TopologyDescription): string {
  const blocks = subtopologies.map((sub) => [`sub-topology ${sub.name}`, ...linesOf(sub)].join('\n  '));
  if (globalTables.length > 0) {
    blocks.push(['global tables', ...globalTables.map(({ name, topic }) => `${name}: reads ${topic}`)].join('\n  '));
  }
  return blocks.join('\n\n');
}

function linesOf({ inputs, processors, outputs, stores, changelog }: SubtopologyDescription): string[] {
  return [
    ...inputs.map((node) => `${node.kind} ${node.name}: reads ${node.topic}${notes(inputNotes(node))}`),
    ...processors.map((node) => `processor ${node.name} <- ${edges(node.from)}${notes(uses(node))}`),
    ...outputs.map(
      (node) =>
        `${node.kind} ${node.name} <- ${edges(node.from)}: writes ${node.topics.join(', ')}${notes(node.feedback ? ['feedback'] : [])}`,
    ),
    ...stores.map((store) => `store ${store.name}${notes(storeNotes(store))}`),
    ...(changelog === null ? [] : [`changelog ${changelog}`]),
  ];
}

function edges(from: readonly EdgeDescription[]): string {
  return from.map(({ node, port }) => (port === OUT ? node : `${node}.${port}`)).join(', ');
}

function inputNotes({ partitions, clock }: InputDescription): string[] {
  return [...(partitions === null ? [] : [`${partitions} partitions`]), ...(clock ? ['clock'] : [])];
}

function uses({ stores, globalTables }: SubtopologyDescription['processors'][number]): string[] {
  return [...stores.map((name) => `store ${name}`), ...globalTables.map((name) => `global table ${name}`)];
}

function storeNotes({ logged, indexes }: StoreDescription): string[] {
  return [...(logged ? [] : ['not logged']), ...indexes.map((name) => `index ${name}`)];
}

function notes(texts: readonly string[]): string {
  return texts.length === 0 ? '' : ` (${texts.join(', ')})`;
}
