/** Lets a loop sleep until someone has news; a wake while it is awake is not lost. */

export class Wakeup {
  #signalled = false;
  #resolve: (() => void) | undefined;

  /** True while a loop waits here. */
  get isWaiting(): boolean {
    return this.#resolve !== undefined;
  }

  wake(): void {
    this.#signalled = true;
    const resolve = this.#resolve;
    this.#resolve = undefined;
    resolve?.();
  }

  /** Returns at once where there was a wake since the last wait. */
  async wait(): Promise<void> {
    if (!this.#signalled) await new Promise<void>((resolve) => (this.#resolve = resolve));
    this.#signalled = false;
  }
}
