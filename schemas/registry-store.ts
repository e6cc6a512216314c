/** A catalog with its journal: changes are decided one after the other and kept before they are answered. */

import type { Change } from './registry-catalog.ts';
import { SchemaCatalog } from './registry-catalog.ts';
import type { RegistryJournal } from './registry-journal.ts';
import { memoryJournal, openJournal } from './registry-journal.ts';

export class RegistryStore {
  readonly catalog = new SchemaCatalog();
  readonly #journal: RegistryJournal;
  #last: Promise<unknown> = Promise.resolve();

  constructor(journal: RegistryJournal) {
    this.#journal = journal;
    for (const event of journal.events) this.catalog.apply(event);
  }

  /** Decides once all earlier changes are kept, keeps and applies the event, then answers. Throws what `decide` throws. */
  change<Answer>(decide: (catalog: SchemaCatalog) => Change<Answer>): Promise<Answer> {
    const changed = this.#last.then(async () => {
      const { answer, event } = decide(this.catalog);
      if (event !== undefined) {
        await this.#journal.append(event);
        this.catalog.apply(event);
      }
      return answer;
    });
    this.#last = changed.catch(() => {}); // the caller has it
    return changed;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#journal.close();
  }
}

/** In `directory`, or in memory without one. @throws GavelError `LOG_CORRUPT` */
export async function openRegistryStore(directory?: string): Promise<RegistryStore> {
  return new RegistryStore(directory === undefined ? memoryJournal() : await openJournal(directory));
}
