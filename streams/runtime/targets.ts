/** Topics that an instance writes to: one value each, so that all writers of a topic share one batch. */

import { GavelError } from '../errors.ts';
import type { TopicDescription } from '../broker.ts';
import type { OutputTarget } from './output-buffer.ts';

export interface Target extends OutputTarget {
  readonly partitions: number;
}

export class Targets {
  readonly #byTopic = new Map<string, Target>();

  constructor(topics: readonly TopicDescription[]) {
    for (const { name, partitions, config } of topics) {
      this.#byTopic.set(name, Object.freeze({ topic: name, partitions, maxMessageBytes: config.maxMessageBytes }));
    }
  }

  /** @throws GavelError `TOPIC_UNKNOWN` */
  get(topic: string): Target {
    const target = this.#byTopic.get(topic);
    if (target !== undefined) return target;
    throw new GavelError('TOPIC_UNKNOWN', `topic "${topic}" is written to but was not there at the start`, {
      hint: 'declare it in the topology, or create it and start again',
    });
  }
}
