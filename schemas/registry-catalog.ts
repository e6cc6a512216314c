/** What a schema registry knows: subjects, versions, ids and levels. Decides and answers; keeps nothing by itself. */

import { isGavelError } from 'gavel/streams';

import { compileForeign } from './avro.ts';
import type { CompatibilityLevel } from './compatibility.ts';
import { COMPATIBILITY_LEVELS, incompatibilities } from './compatibility.ts';

/** Every change, as it is kept; applying them in order gives the catalog again. */
export type RegistryEvent =
  | {
      readonly op: 'register';
      readonly subject: string;
      readonly version: number;
      readonly id: number;
      readonly schema: string;
    }
  | {
      readonly op: 'delete';
      readonly subject: string;
      readonly versions: readonly number[];
      readonly permanent: boolean;
    }
  | { readonly op: 'level'; readonly subject: string | null; readonly level: CompatibilityLevel | null };

/** An answer to a change, with the event that must be kept before it is given. */
export interface Change<Answer> {
  readonly answer: Answer;
  readonly event: RegistryEvent | undefined;
}

/** A version of a subject, as the API shows it. */
export interface SubjectVersion {
  readonly subject: string;
  readonly version: number;
  readonly id: number;
  readonly schema: string;
}

/** A refusal with the code that the API documents; its first three digits are the HTTP status. Never leaves this folder. */
export class Refusal extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.name = 'Refusal';
    this.code = code;
  }
}

const DEFAULT_LEVEL: CompatibilityLevel = 'BACKWARD';

interface Version extends SubjectVersion {
  deleted: boolean;
}

export class SchemaCatalog {
  readonly #schemas = new Map<number, string>();
  /** By the schema's content, whatever its white space. */
  readonly #ids = new Map<string, number>();
  /** Versions ascending; deleted ones stay until they are deleted permanently. */
  readonly #subjects = new Map<string, Version[]>();
  readonly #levels = new Map<string | null, CompatibilityLevel>();

  apply(event: RegistryEvent): void {
    if (event.op === 'register') {
      this.#schemas.set(event.id, event.schema);
      this.#ids.set(contentOf(event.schema), event.id);
      const { subject, version, id, schema } = event;
      this.#subjects.set(subject, [
        ...(this.#subjects.get(subject) ?? []),
        { subject, version, id, schema, deleted: false },
      ]);
    } else if (event.op === 'level') {
      if (event.level === null) this.#levels.delete(event.subject);
      else this.#levels.set(event.subject, event.level);
    } else if (event.permanent) {
      const rest = this.versions(event.subject, true).filter(({ version }) => !event.versions.includes(version));
      if (rest.length > 0) this.#subjects.set(event.subject, rest as Version[]);
      else this.#subjects.delete(event.subject);
    } else {
      for (const entry of this.#subjects.get(event.subject) ?? [])
        entry.deleted ||= event.versions.includes(entry.version);
    }
  }

  /** Sorted. */
  subjects(withDeleted: boolean): readonly string[] {
    return [...this.#subjects.keys()].filter((subject) => this.#list(subject, withDeleted).length > 0).sort();
  }

  /** At least one, oldest first. @throws Refusal 40401 */
  versions(subject: string, withDeleted = false): readonly SubjectVersion[] {
    const found = this.#list(subject, withDeleted);
    if (found.length === 0) throw new Refusal(40401, `Subject '${subject}' not found.`);
    return found;
  }

  /** `version` is a number or `latest`. @throws Refusal 40401, 40402, 42202 */
  version(subject: string, version: string, withDeleted = false): SubjectVersion {
    const wanted = versionNumber(version);
    const found = this.versions(subject, withDeleted);
    const match = wanted === 'latest' ? found.at(-1) : found.find((entry) => entry.version === wanted);
    if (match === undefined) throw new Refusal(40402, `Version ${version} not found.`);
    return match;
  }

  /** The version under which `schema` is registered. @throws Refusal 40401, 40403, 42201 */
  find(subject: string, schema: string, withDeleted = false): SubjectVersion {
    const content = contentOf(checked(schema));
    const match = this.versions(subject, withDeleted).findLast((entry) => contentOf(entry.schema) === content);
    if (match === undefined) throw new Refusal(40403, 'Schema not found');
    return match;
  }

  has(id: number): boolean {
    return this.#schemas.has(id);
  }

  /** @throws Refusal 40403 */
  schema(id: number): string {
    const schema = this.#schemas.get(id);
    if (schema === undefined) throw new Refusal(40403, `Schema ${id} not found`);
    return schema;
  }

  /** Where a schema is registered. @throws Refusal 40403 */
  uses(id: number): readonly SubjectVersion[] {
    this.schema(id);
    return this.subjects(false).flatMap((subject) => this.versions(subject).filter((entry) => entry.id === id));
  }

  /** The level of a subject, null for the global one. @throws Refusal 40408 where the subject has none of its own */
  level(subject: string | null, orGlobal: boolean): CompatibilityLevel {
    const level = this.#levels.get(subject);
    if (level !== undefined) return level;
    if (subject === null || orGlobal) return this.#levels.get(null) ?? DEFAULT_LEVEL;
    throw new Refusal(40408, `Subject '${subject}' does not have subject-level compatibility configured`);
  }

  /** What stands against `schema` after `version` (or `latest`), or after all of them. @throws Refusal 40402, 42201 */
  check(subject: string, schema: string, version?: string): readonly string[] {
    checked(schema);
    const none = this.#list(subject, false).length === 0;
    if (none && (version === undefined || versionNumber(version) === 'latest')) return [];
    const earlier = version === undefined ? this.versions(subject) : [this.version(subject, version)];
    return incompatibilities(this.level(subject, true), schema, earlier);
  }

  /** @throws Refusal 409, 42201 */
  register(subject: string, schema: string): Change<{ readonly id: number }> {
    const content = contentOf(checked(schema));
    const active = this.#list(subject, false);
    const same = active.find((entry) => contentOf(entry.schema) === content);
    if (same !== undefined) return { answer: { id: same.id }, event: undefined };
    const faults = incompatibilities(this.level(subject, true), schema, active);
    if (faults.length > 0) {
      const message = `Schema being registered is incompatible with an earlier schema for subject "${subject}"`;
      throw new Refusal(409, `${message}, details: [${faults.join('; ')}]`);
    }
    const id = this.#ids.get(content) ?? this.#schemas.size + 1;
    const version = (this.#list(subject, true).at(-1)?.version ?? 0) + 1;
    return { answer: { id }, event: { op: 'register', subject, version, id, schema } };
  }

  /** Answers the versions that went. @throws Refusal 40401, 40404, 40405 */
  deleteSubject(subject: string, permanent: boolean): Change<readonly number[]> {
    const active = this.#list(subject, false);
    if (permanent && active.length > 0) {
      throw new Refusal(40405, `Subject '${subject}' was not deleted first before being permanently deleted`);
    }
    const gone = permanent ? this.versions(subject, true) : active;
    if (gone.length === 0) {
      this.versions(subject, true);
      throw new Refusal(40404, `Subject '${subject}' was soft deleted. Set permanent=true to delete permanently`);
    }
    const versions = gone.map(({ version }) => version);
    return { answer: versions, event: { op: 'delete', subject, versions, permanent } };
  }

  /** Answers the version that went. @throws Refusal 40401, 40402, 40406, 40407, 42202 */
  deleteVersion(subject: string, version: string, permanent: boolean): Change<number> {
    const found = this.version(subject, version, versionNumber(version) !== 'latest');
    const active = this.#list(subject, false).includes(found as Version);
    if (permanent && active) {
      throw new Refusal(
        40407,
        `Subject '${subject}' Version ${version} was not deleted first before being permanently deleted`,
      );
    }
    if (!permanent && !active) {
      throw new Refusal(
        40406,
        `Subject '${subject}' Version ${version} was soft deleted. Set permanent=true to delete permanently`,
      );
    }
    const event = { op: 'delete', subject, versions: [found.version], permanent } as const;
    return { answer: found.version, event };
  }

  /** @throws Refusal 42203 */
  setLevel(subject: string | null, level: string): Change<{ readonly compatibility: CompatibilityLevel }> {
    const known = COMPATIBILITY_LEVELS.find((name) => name === level.toUpperCase());
    if (known === undefined)
      throw new Refusal(42203, `Invalid compatibility level: one of ${COMPATIBILITY_LEVELS.join(', ')}`);
    return { answer: { compatibility: known }, event: { op: 'level', subject, level: known } };
  }

  /** Answers the level that went. @throws Refusal 40401 */
  removeLevel(subject: string | null): Change<{ readonly compatibilityLevel: CompatibilityLevel }> {
    const level = this.#levels.get(subject) ?? (subject === null ? DEFAULT_LEVEL : undefined);
    if (level === undefined) throw new Refusal(40401, `Subject '${subject}' not found.`);
    return { answer: { compatibilityLevel: level }, event: { op: 'level', subject, level: null } };
  }

  #list(subject: string, withDeleted: boolean): readonly Version[] {
    return (this.#subjects.get(subject) ?? []).filter((entry) => withDeleted || !entry.deleted);
  }
}

function versionNumber(version: string): number | 'latest' {
  if (version === 'latest' || version === '-1') return 'latest';
  const number = Number(version);
  if (Number.isInteger(number) && number >= 1 && number < 2 ** 31) return number;
  throw new Refusal(
    42202,
    `The specified version '${version}' is not a valid version id: a number from 1 or "latest".`,
  );
}

function contentOf(schema: string): string {
  return JSON.stringify(JSON.parse(schema));
}

function checked(schema: string): string {
  try {
    compileForeign(schema);
    return schema;
  } catch (error) {
    if (isGavelError(error)) throw new Refusal(42201, `Invalid schema: ${error.message}`);
    throw error;
  }
}
