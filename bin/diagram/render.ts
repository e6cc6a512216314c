/** Descriptions as text for people, and as Mermaid for documents. */

import type { Description, DescribedSubtopology } from './description.ts';
import type { DrawnArrow, DrawnNode } from './graph.ts';
import { drawingOf } from './graph.ts';

export function renderText({ subtopologies, globalTables }: Description): string {
  const tables = globalTables.map(({ name, topic }) => `global table ${name} of ${topic}\n`);
  return [...subtopologies.map(renderSubtopology), ...tables].join('\n');
}

function renderSubtopology({ name, inputs, processors, outputs }: DescribedSubtopology): string {
  const lines = [`sub-topology ${name}`];
  for (const input of inputs) lines.push(`  reads   ${input.topic}${input.clock ? ' (with clock records)' : ''}`);
  for (const step of processors) {
    lines.push(`  step    ${step.name}  ← ${step.from.join(', ')}`);
    for (const store of step.stores) lines.push(`            store ${store}`);
    for (const table of step.tables) lines.push(`            global table ${table}`);
  }
  for (const output of outputs) {
    const note = output.feedback ? ' (feedback)' : output.kind === 'repartition' ? ' (repartition)' : '';
    lines.push(`  writes  ${output.topics.join(', ')}  ← ${output.from.join(', ')}${note}`);
  }
  return `${lines.join('\n')}\n`;
}

export function renderMermaid(description: Description): string {
  const { nodes, arrows } = drawingOf(description);
  const ids = new Map(nodes.map((node, i) => [node.id, `n${i}`]));
  const id = (name: string): string => ids.get(name) ?? name;
  const lines = ['flowchart LR'];
  for (const node of nodes) if (node.subtopology === undefined) lines.push(`  ${mermaidNode(node, id(node.id))}`);
  for (const { name } of description.subtopologies) {
    lines.push(`  subgraph ${name}`);
    for (const node of nodes) if (node.subtopology === name) lines.push(`    ${mermaidNode(node, id(node.id))}`);
    lines.push('  end');
  }
  for (const arrow of arrows) lines.push(`  ${id(arrow.from)} ${mermaidArrow(arrow)} ${id(arrow.to)}`);
  return `${lines.join('\n')}\n`;
}

function mermaidNode({ label, kind }: DrawnNode, id: string): string {
  if (kind === 'topic') return `${id}(["${label}"])`;
  return kind === 'store' ? `${id}[("${label}")]` : `${id}["${label}"]`;
}

function mermaidArrow({ label, to, feedback }: DrawnArrow): string {
  if (to.startsWith('store:')) return '---';
  const line = feedback ? '-.->' : '-->';
  return label === '' || label === 'out' ? line : `${line}|${label}|`;
}
