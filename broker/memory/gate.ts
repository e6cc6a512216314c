/** Where every request of the memory broker passes: asynchronous answers, and the faults that tests ask for. */

import type { ErrorCode } from '../../streams/errors.ts';
import { GavelError } from '../../streams/errors.ts';

export type Operation =
  | 'init'
  | 'produce'
  | 'commitOffsets'
  | 'commit'
  | 'abort'
  | 'fetch'
  | 'join'
  | 'sync'
  | 'heartbeat'
  | 'leave'
  | 'committedOffsets'
  | 'listOffsets'
  | 'admin';

/** A request on its way; what does not apply to it is absent. */
export interface Call {
  readonly operation: Operation;
  readonly transactionalId?: string;
  readonly topic?: string;
  readonly groupId?: string;
  readonly memberId?: string;
}

/** What happens to the request: it is lost, or its answer is; its sender cannot tell which. A fetch is sent again by itself. */
export type Fault = 'fail' | 'apply-then-fail';
/** A promise holds the request back, unapplied, until it settles. */
export type Interceptor = (call: Call) => Fault | void | Promise<Fault | void>;

/** Requests whose outcome matters: the others fail with `BROKER_UNAVAILABLE` and may be sent again. */
const OUTCOME_MATTERS: ReadonlySet<Operation> = new Set(['produce', 'commitOffsets', 'commit', 'abort']);

export class Gate {
  /** Requests under way, without those that are held back or wait in the coordinator. */
  inFlight = 0;
  readonly interceptors = new Set<Interceptor>();
  #closed = false;

  close(): void {
    this.#closed = true;
  }

  /** Applies a request some microtasks from now, in the order of the calls where nothing is held back. */
  async pass<T>(call: Call, apply: () => T | Promise<T>): Promise<T> {
    const { answer, fault } = await this.#admit(call, apply);
    const value = await answer; // a join that waits for others is not under way any more
    if (fault !== undefined) throw lost(call, 'it was applied, which its sender cannot know');
    return value;
  }

  /** The request's way to the broker. */
  async #admit<T>(call: Call, apply: () => T): Promise<{ readonly answer: T; readonly fault: Fault | undefined }> {
    this.#assertOpen();
    this.inFlight++;
    try {
      const verdict = await this.#fault(call);
      const fault = call.operation === 'fetch' ? undefined : verdict;
      this.#assertOpen();
      if (fault === 'fail') throw lost(call, 'it was not applied, which its sender cannot know');
      return { answer: apply(), fault };
    } finally {
      this.inFlight--;
    }
  }

  async #fault(call: Call): Promise<Fault | undefined> {
    for (const interceptor of this.interceptors) {
      const verdict = interceptor(call);
      if (!(verdict instanceof Promise)) {
        if (verdict !== undefined) return verdict;
        continue;
      }
      this.inFlight--;
      const fault = await verdict.finally(() => this.inFlight++);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  #assertOpen(): void {
    if (this.#closed) throw new GavelError('BROKER_CLOSED', 'the broker is closed');
  }
}

function lost({ operation, topic }: Call, what: string): GavelError {
  const code: ErrorCode = OUTCOME_MATTERS.has(operation) ? 'OUTCOME_UNKNOWN' : 'BROKER_UNAVAILABLE';
  return new GavelError(
    code,
    `no answer to ${operation}${topic === undefined ? '' : ` of ${topic}`} (injected: ${what})`,
  );
}
