/** Draws a topology as a Mermaid flowchart: topics outside, one box per sub-topology, stores inside of it. */

import { OUT } from './nodes.ts';
import type { EdgeDescription, SubtopologyDescription, TopologyDescription } from './description.ts';

export function mermaidOf(description: TopologyDescription): string {
  const chart = new Chart();
  for (const { name, topic } of description.globalTables) {
    chart.link(chart.topic(topic), '-->', chart.globalTable(name));
  }
  for (const sub of description.subtopologies) drawSubtopology(sub, chart);
  return chart.text();
}

function drawSubtopology(sub: SubtopologyDescription, chart: Chart): void {
  const node = (name: string): string => chart.id(`node ${sub.name}`, name);
  const inside: string[] = [];
  const incoming = (name: string, from: readonly EdgeDescription[]): void => {
    for (const edge of from) {
      const arrow = edge.port === OUT ? '-->' : `-- ${text(edge.port)} -->`;
      inside.push(`${node(edge.node)} ${arrow} ${node(name)}`);
    }
  };
  for (const { name } of sub.inputs) inside.push(`${node(name)}[/${text(name)}/]`);
  for (const { name } of sub.processors) inside.push(`${node(name)}[${text(name)}]`);
  for (const { name } of sub.outputs) inside.push(`${node(name)}[\\${text(name)}\\]`);
  for (const { name } of sub.stores) inside.push(`${chart.id('store', name)}[(${text(name)})]`);
  for (const { name, from } of [...sub.processors, ...sub.outputs]) incoming(name, from);
  for (const { name, stores, globalTables } of sub.processors) {
    for (const store of stores) inside.push(`${node(name)} --- ${chart.id('store', store)}`);
    for (const table of globalTables) chart.link(chart.globalTable(table), '-.-', node(name));
  }
  chart.group(chart.id('sub', sub.name), sub.name, inside);
  for (const { name, topic } of sub.inputs) chart.link(chart.topic(topic), '-->', node(name));
  for (const { name, topics, feedback } of sub.outputs) {
    for (const topic of topics) chart.link(node(name), feedback ? '-. feedback .->' : '-->', chart.topic(topic));
  }
}

/** Collects the lines; ids are given in the order of first use, for Mermaid takes fewer characters in them than names have. */
class Chart {
  readonly #ids = new Map<string, string>();
  readonly #outside: string[] = [];
  readonly #groups: string[] = [];
  readonly #links: string[] = [];

  id(kind: string, name: string): string {
    const key = JSON.stringify([kind, name]);
    let id = this.#ids.get(key);
    if (id === undefined) this.#ids.set(key, (id = `n${this.#ids.size}`));
    return id;
  }

  topic(name: string): string {
    return this.#declared('topic', name, `([${text(name)}])`);
  }

  globalTable(name: string): string {
    return this.#declared('global table', name, `[(${text(name)})]`);
  }

  group(id: string, title: string, lines: readonly string[]): void {
    this.#groups.push(`subgraph ${id}[${text(title)}]`, ...lines.map((line) => `  ${line}`), 'end');
  }

  link(from: string, arrow: string, to: string): void {
    this.#links.push(`${from} ${arrow} ${to}`);
  }

  text(): string {
    return ['flowchart LR', ...this.#outside, ...this.#groups, ...this.#links].join('\n  ');
  }

  #declared(kind: string, name: string, shape: string): string {
    const known = this.#ids.size;
    const id = this.id(kind, name);
    if (this.#ids.size > known) this.#outside.push(`${id}${shape}`);
    return id;
  }
}

/** A label; Mermaid reads HTML in it unless told not to. */
function text(name: string): string {
  return `"${name.replaceAll('"', '#quot;').replaceAll('<', '#lt;').replaceAll('>', '#gt;')}"`;
}
