/** One connection to the owner of the data: calls that wait for their answers, and what is pushed for fetchers. */

import type { Socket } from 'node:net';
import { GavelError } from '../../streams/errors.ts';
import { readFrames, sendFrame } from './frames.ts';
import { unpackError } from './messages.ts';
import type { AnswerMessage, PushMessage } from './messages.ts';

/** Calls whose outcome is unknown when the connection is lost before the answer. */
const OUTCOME_MATTERS = new Set(['produce', 'commitOffsets', 'commit', 'groups.commitOffsets']);

interface Waiting {
  readonly method: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: GavelError) => void;
}

/** The socket with the calls that wait for their answers. */
export class Connection {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #pushes = new Map<number, (push: PushMessage) => void>();
  #ids = 0;
  #lost: GavelError | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => undefined); // 'close' follows
    socket.on('close', () => this.#onClose());
    readFrames(socket, (message) => this.#take(message as AnswerMessage | PushMessage));
  }

  /** A number for something that is opened on the other side. */
  open(): number {
    return ++this.#ids;
  }

  call<T>(on: number, method: string, args: readonly unknown[] = []): Promise<T> {
    return new Promise<unknown>((resolve, reject) => {
      if (this.#lost !== undefined) {
        reject(this.#lost);
        return;
      }
      const id = ++this.#ids;
      this.#waiting.set(id, { method, resolve, reject });
      sendFrame(this.#socket, { id, on, method, args });
    }) as Promise<T>;
  }

  /** Hands what is pushed for a fetcher to `take`, until `undefined` is given. */
  onPush(fetcher: number, take: ((push: PushMessage) => void) | undefined): void {
    if (take === undefined) this.#pushes.delete(fetcher);
    else this.#pushes.set(fetcher, take);
  }

  async close(): Promise<void> {
    this.#lost ??= new GavelError('BROKER_CLOSED', 'the connection to the owner of the data was closed');
    if (this.#socket.destroyed) return;
    await new Promise<void>((resolve) => {
      this.#socket.once('close', () => resolve());
      this.#socket.end();
      this.#socket.destroySoon();
    });
  }

  #take(message: AnswerMessage | PushMessage): void {
    if ('fetcher' in message) {
      this.#pushes.get(message.fetcher)?.(message);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.error === undefined) waiting?.resolve(message.value);
    else waiting?.reject(unpackError(message.error));
  }

  #onClose(): void {
    this.#lost ??= new GavelError('BROKER_UNAVAILABLE', 'the process that held the data is gone', {
      hint: 'start it again, or run the command once more: it will open the data itself',
    });
    const lost = this.#lost;
    for (const { method, reject } of this.#waiting.values()) {
      const unknown = OUTCOME_MATTERS.has(method);
      reject(
        unknown ? new GavelError('OUTCOME_UNKNOWN', `no answer to ${method}: ${lost.message}`, { cause: lost }) : lost,
      );
    }
    this.#waiting.clear();
    for (const push of this.#pushes.values()) push({ fetcher: 0, parts: [] });
  }
}
