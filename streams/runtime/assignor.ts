/** Which member runs which task: sticky, even per sub-topology, and no task in two hands (KIP-429: give up first, receive later). */

export interface AssignorMember {
  readonly memberId: string;
  /** Tasks that it runs now. */
  readonly owned: readonly string[];
  /** Tasks that the round before meant for it, once their owners have given them up. */
  readonly promised: readonly string[];
  /** Sub-topologies that it knows, with their partitions: during a rolling upgrade members differ. */
  readonly subtopologies: { readonly [name: string]: number };
}

export interface AssignorResult {
  /** What each member may run now. */
  readonly assignments: ReadonlyMap<string, readonly string[]>;
  /** What each is meant to run in the end: promised to it in the next round, or that might settle on something else. */
  readonly promises: ReadonlyMap<string, readonly string[]>;
  /** True where tasks must first be given up by their owners: those join again, and the next round hands the tasks out. */
  readonly again: boolean;
}

interface Load {
  readonly member: AssignorMember;
  readonly tasks: string[];
  readonly bySubtopology: Map<string, number>;
}

/** Assigns every task of every sub-topology. A pure function of the members, whatever their order. */
export function assignTasks(members: readonly AssignorMember[]): AssignorResult {
  const loads: Load[] = [...members]
    .sort((a, b) => (a.memberId < b.memberId ? -1 : 1))
    .map((member) => ({ member, tasks: [], bySubtopology: new Map() }));
  const owner = new Map<string, string>();
  const holder = new Map<string, string>();
  for (const { memberId, promised } of members) for (const task of promised) holder.set(task, memberId);
  for (const { memberId, owned } of members) {
    for (const task of owned) {
      owner.set(task, memberId);
      holder.set(task, memberId);
    }
  }

  const open: { readonly task: string; readonly name: string }[] = [];
  for (const [name, partitions] of subtopologiesOf(members)) {
    const able = loads.filter(({ member }) => name in member.subtopologies);
    const quota = Math.ceil(partitions / able.length);
    for (let partition = 0; partition < partitions; partition++) {
      const task = `${name}-${partition}`;
      const load = able.find(({ member }) => member.memberId === holder.get(task));
      if (load !== undefined && (load.bySubtopology.get(name) ?? 0) < quota) give(load, task, name);
      else open.push({ task, name });
    }
  }
  for (const { task, name } of open) {
    const able = loads.filter(({ member }) => name in member.subtopologies);
    give(least(able, name), task, name);
  }
  level(loads);

  let again = false;
  const assignments = new Map<string, readonly string[]>();
  const promises = new Map<string, readonly string[]>();
  for (const { member, tasks } of loads) {
    const free = tasks.filter((task) => (owner.get(task) ?? member.memberId) === member.memberId);
    if (free.length < tasks.length) again = true;
    assignments.set(member.memberId, free.sort());
    promises.set(member.memberId, tasks);
  }
  return { assignments, promises, again };
}

function subtopologiesOf(members: readonly AssignorMember[]): [string, number][] {
  const all = new Map<string, number>();
  for (const { subtopologies } of members)
    for (const [name, partitions] of Object.entries(subtopologies)) all.set(name, partitions);
  return [...all].sort(([a], [b]) => (a < b ? -1 : 1));
}

function give(load: Load, task: string, name: string): void {
  load.tasks.push(task);
  load.bySubtopology.set(name, (load.bySubtopology.get(name) ?? 0) + 1);
}

function least(loads: readonly Load[], name: string): Load {
  return loads.reduce((best, load) => {
    const fewer =
      (load.bySubtopology.get(name) ?? 0) - (best.bySubtopology.get(name) ?? 0) ||
      load.tasks.length - best.tasks.length;
    return fewer < 0 ? load : best;
  });
}

/** Evens the totals: rounding up per sub-topology may have favoured the same members. */
function level(loads: readonly Load[]): void {
  for (;;) {
    const most = loads.reduce((best, load) => (load.tasks.length > best.tasks.length ? load : best));
    const fewest = loads.reduce((best, load) => (load.tasks.length < best.tasks.length ? load : best));
    if (most.tasks.length - fewest.tasks.length < 2) return;
    const movable = most.tasks.findLast((task) => {
      const name = task.slice(0, task.lastIndexOf('-'));
      return (
        name in fewest.member.subtopologies &&
        (most.bySubtopology.get(name) ?? 0) > (fewest.bySubtopology.get(name) ?? 0)
      );
    });
    if (movable === undefined) return;
    const name = movable.slice(0, movable.lastIndexOf('-'));
    most.tasks.splice(most.tasks.indexOf(movable), 1);
    most.bySubtopology.set(name, (most.bySubtopology.get(name) ?? 0) - 1);
    give(fewest, movable, name);
  }
}
