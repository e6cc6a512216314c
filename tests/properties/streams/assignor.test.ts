/** The assignor: every task in one hand, as even as can be, and no task moves without need. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { assignTasks } from '../../../streams/runtime/assignor.ts';
import type { AssignorMember } from '../../../streams/runtime/assignor.ts';

const subtopologies = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 1, max: 9 }), { minKeys: 1 });

/** A group as it comes to be: members join and leave, one or some at a time, and settle in between. */
const group = fc
  .record({
    subs: subtopologies,
    changes: fc.array(fc.record({ join: fc.nat(3), leave: fc.array(fc.nat(9), { maxLength: 2 }) }), {
      minLength: 1,
      maxLength: 4,
    }),
  })
  .map(({ subs, changes }) => {
    let members: readonly AssignorMember[] = [];
    let joined = 0;
    for (const { join, leave } of changes) {
      if (members.length > 0) members = settle(members).members;
      for (const who of leave) members = members.filter((_member, at) => members.length === 1 || at !== who);
      const newcomers = Array.from({ length: Math.max(join, members.length === 0 ? 1 : 0) }, () => ({
        memberId: `m${joined++ % 7}${joined}`,
        owned: [],
        promised: [],
        subtopologies: subs,
      }));
      members = [...members, ...newcomers];
    }
    return members;
  });

const allTasks = (members: readonly AssignorMember[]): string[] =>
  Object.entries(members[0]?.subtopologies ?? {}).flatMap(([name, n]) =>
    Array.from({ length: n }, (_, p) => `${name}-${p}`),
  );

/** Plays rounds as members do: who must give up does, and all join again. A new leader remembers no promises. */
function settle(
  given: readonly AssignorMember[],
  remembers = true,
): {
  readonly members: readonly AssignorMember[];
  readonly rounds: number;
} {
  let members = given;
  for (let rounds = 1; ; rounds++) {
    const { assignments, promises, again } = assignTasks(members);
    const handedOut = [...assignments.values()].flat();
    expect(new Set(handedOut).size).toBe(handedOut.length); // no task in two hands
    for (const { memberId, owned } of members) {
      for (const other of members) {
        if (other.memberId === memberId) continue;
        for (const task of owned) expect(assignments.get(other.memberId)).not.toContain(task);
      }
    }
    members = members.map((member) => ({
      ...member,
      owned: assignments.get(member.memberId) ?? [],
      promised: remembers ? (promises.get(member.memberId) ?? []) : [],
    }));
    if (!again) return { members, rounds };
    expect(rounds).toBeLessThan(8);
  }
}

test('after at most two rounds every task has one owner, as even as can be', () => {
  fc.assert(
    fc.property(group, (given) => {
      const { members, rounds } = settle(given);
      expect(rounds).toBeLessThanOrEqual(2);
      expect(members.flatMap(({ owned }) => owned).sort()).toEqual(allTasks(given).sort());
      const loads = members.map(({ owned }) => owned.length);
      expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
      for (const name of Object.keys(given[0]?.subtopologies ?? {})) {
        const per = members.map(({ owned }) => owned.filter((task) => task.startsWith(`${name}-`)).length);
        expect(Math.max(...per) - Math.min(...per)).toBeLessThanOrEqual(3);
      }
    }),
    { numRuns: 400 },
  );
});

test('it settles also where each round has another leader', () => {
  fc.assert(
    fc.property(group, (given) => {
      const { members } = settle(given, false);
      expect(new Set(members.flatMap(({ owned }) => owned))).toEqual(new Set(allTasks(given)));
    }),
    { numRuns: 400 },
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
    { numRuns: 300 },
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
      expect(moved.length).toBeLessThanOrEqual(left.owned.length + 2);
    }),
    { numRuns: 300 },
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
    { numRuns: 300 },
  );
});
