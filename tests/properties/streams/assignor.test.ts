/** The assignor: every task in one hand, as even as can be, and no task moves without need. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { assignTasks } from '../../../streams/runtime/assignor.ts';
import type { AssignorMember } from '../../../streams/runtime/assignor.ts';

const subtopologies = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 1, max: 9 }), { minKeys: 1 });

/** Members of one topology, each owning some tasks; nobody owns a task that another one owns. */
const group = fc
  .record({
    subs: subtopologies,
    members: fc.integer({ min: 1, max: 6 }),
    owners: fc.array(fc.integer({ min: -1, max: 5 }), { minLength: 27, maxLength: 27 }),
  })
  .map(({ subs, members, owners }) => {
    const tasks = Object.entries(subs).flatMap(([name, n]) => Array.from({ length: n }, (_, p) => `${name}-${p}`));
    return Array.from({ length: members }, (_, i): AssignorMember => ({
      memberId: `m${i}`,
      owned: tasks.filter((_task, at) => owners[at] === i),
      subtopologies: subs,
    }));
  });

const allTasks = (members: readonly AssignorMember[]): string[] =>
  Object.entries(members[0]?.subtopologies ?? {}).flatMap(([name, n]) =>
    Array.from({ length: n }, (_, p) => `${name}-${p}`),
  );

/** Plays rounds as members do: who must give up does, and all join again. */
function settle(given: readonly AssignorMember[]): {
  readonly members: readonly AssignorMember[];
  readonly rounds: number;
} {
  let members = given;
  for (let rounds = 1; ; rounds++) {
    const { assignments, again } = assignTasks(members);
    const handedOut = [...assignments.values()].flat();
    expect(new Set(handedOut).size).toBe(handedOut.length); // no task in two hands
    for (const { memberId, owned } of members) {
      for (const other of members) {
        if (other.memberId === memberId) continue;
        for (const task of owned) expect(assignments.get(other.memberId)).not.toContain(task);
      }
    }
    members = members.map((member) => ({ ...member, owned: assignments.get(member.memberId) ?? [] }));
    if (!again) return { members, rounds };
    expect(rounds).toBeLessThan(4);
  }
}

test('after at most three rounds every task has one owner, as even as can be', () => {
  fc.assert(
    fc.property(group, (given) => {
      const { members, rounds } = settle(given);
      expect(rounds).toBeLessThanOrEqual(3);
      expect(members.flatMap(({ owned }) => owned).sort()).toEqual(allTasks(given).sort());
      const loads = members.map(({ owned }) => owned.length);
      expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
      for (const name of Object.keys(given[0]?.subtopologies ?? {})) {
        const per = members.map(({ owned }) => owned.filter((task) => task.startsWith(`${name}-`)).length);
        expect(Math.max(...per) - Math.min(...per)).toBeLessThanOrEqual(2);
      }
    }),
    { numRuns: 1_000 },
  );
});

test('what is settled stays, whatever the order of the members', () => {
  fc.assert(
    fc.property(group, (given) => {
      const { members } = settle(given);
      const { assignments, again } = assignTasks([...members].reverse());
      expect(again).toBe(false);
      for (const { memberId, owned } of members) expect(assignments.get(memberId)).toEqual([...owned].sort());
    }),
    { numRuns: 500 },
  );
});

test('a member that leaves moves only its own tasks, but for evening out', () => {
  fc.assert(
    fc.property(group, fc.nat(5), (given, who) => {
      fc.pre(given.length > 1);
      const { members } = settle(given);
      const left = members[who % members.length] as AssignorMember;
      const rest = members.filter((member) => member !== left);
      const { members: after } = settle(rest);
      const moved = after.flatMap(({ memberId, owned }) =>
        owned.filter((task) => !(rest.find((member) => member.memberId === memberId)?.owned.includes(task) ?? false)),
      );
      expect(moved.length).toBeLessThanOrEqual(left.owned.length + 1);
    }),
    { numRuns: 500 },
  );
});

test('members that know less get nothing that they do not know', () => {
  fc.assert(
    fc.property(group, fc.nat(5), (given, who) => {
      const older = given.map((member, i) => {
        if (i !== who % given.length || given.length === 1) return member;
        const known = Object.fromEntries(Object.entries(member.subtopologies).slice(0, 1));
        return { ...member, subtopologies: known, owned: member.owned.filter((task) => task.slice(0, 1) in known) };
      });
      const { assignments } = assignTasks(older);
      for (const { memberId, subtopologies: known } of older)
        for (const task of assignments.get(memberId) ?? []) expect(Object.keys(known)).toContain(task.slice(0, 1));
    }),
    { numRuns: 500 },
  );
});
