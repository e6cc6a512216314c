/** A fetcher whose other half is in the process that holds the data. */

import type { FetchedPartition, Fetcher, FetcherOptions } from '../../streams/broker.ts';
import { partitionKey } from '../../streams/broker.ts';
import type { Connection } from './connection.ts';
import { unpackError } from './messages.ts';
import type { FetchedMessage, PushMessage } from './messages.ts';

interface Assigned {
  readonly assignment: number;
  paused: boolean;
}

export class RemoteFetcher implements Fetcher {
  readonly #connection: Connection;
  readonly #number: number;
  readonly #onReady: () => void;
  readonly #assigned = new Map<string, Assigned>();
  #assignments = 0;
  #arrived: FetchedMessage[] = [];
  /** Something was pushed, and the server waits for leave to push again. */
  #owesLeave = false;
  #failure: unknown;
  #closed = false;

  constructor(connection: Connection, { maxBytesPerPartition = 0, onReady = () => undefined }: FetcherOptions) {
    this.#connection = connection;
    this.#number = connection.open();
    this.#onReady = onReady;
    connection.onPush(this.#number, (push) => this.#take(push));
    this.#send(connection.call(0, 'fetcher', [this.#number, maxBytesPerPartition]));
  }

  assign(topic: string, partition: number, offset: number): void {
    const assignment = ++this.#assignments;
    const key = partitionKey(topic, partition);
    this.#assigned.set(key, { assignment, paused: false });
    this.#drop(key);
    this.#send(this.#connection.call(this.#number, 'assign', [topic, partition, offset, assignment]));
  }

  unassign(topic: string, partition: number): void {
    const key = partitionKey(topic, partition);
    this.#assigned.delete(key);
    this.#drop(key);
    this.#send(this.#connection.call(this.#number, 'unassign', [topic, partition]));
  }

  pause(topic: string, partition: number): void {
    this.#setPaused(topic, partition, true);
    this.#send(this.#connection.call(this.#number, 'pause', [topic, partition]));
  }

  resume(topic: string, partition: number): void {
    this.#setPaused(topic, partition, false);
    this.#send(this.#connection.call(this.#number, 'resume', [topic, partition]));
    if (this.#arrived.length > 0) this.#onReady();
  }

  poll(): readonly FetchedPartition[] {
    if (this.#failure !== undefined) throw this.#failure as Error;
    const taken: FetchedPartition[] = [];
    const held: FetchedMessage[] = [];
    for (const message of this.#arrived) {
      const assigned = this.#assigned.get(partitionKey(message.topic, message.partition));
      if (assigned?.assignment !== message.assignment) continue;
      if (assigned.paused) {
        held.push(message);
        continue;
      }
      const { error, assignment: _, ...data } = message;
      if (error !== undefined) this.#assigned.delete(partitionKey(message.topic, message.partition));
      taken.push(error === undefined ? data : { ...data, error: unpackError(error) });
    }
    this.#arrived = held;
    if (this.#owesLeave) {
      this.#owesLeave = false;
      this.#send(this.#connection.call(this.#number, 'more'));
    }
    return taken;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.onPush(this.#number, undefined);
    this.#assigned.clear();
    if (this.#failure === undefined) await this.#connection.call(this.#number, 'close');
  }

  #take({ parts }: PushMessage): void {
    this.#arrived.push(...parts);
    this.#owesLeave = true;
    this.#onReady();
  }

  #drop(key: string): void {
    this.#arrived = this.#arrived.filter(({ topic, partition }) => partitionKey(topic, partition) !== key);
  }

  #setPaused(topic: string, partition: number, paused: boolean): void {
    const assigned = this.#assigned.get(partitionKey(topic, partition));
    if (assigned !== undefined) assigned.paused = paused;
  }

  /** What goes wrong with a request is told by the next `poll`. */
  #send(request: Promise<unknown>): void {
    request.catch((error: unknown) => {
      if (this.#closed) return;
      this.#failure ??= error;
      this.#onReady();
    });
  }
}
