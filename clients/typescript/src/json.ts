/** The texts in JSON such as the bodies of model APIs. */
import type { Slot } from "./guard.js";
import { Role } from "./messages.js";

type Node = Record<string | number, unknown>;

// What a role's name in a model API stands for. "system" and "developer" are not among them: a body from outside cannot
// make itself trusted.
const ROLES: Readonly<Record<string, Role>> = {
  user: Role.USER,
  assistant: Role.ASSISTANT,
  model: Role.ASSISTANT,
  tool: Role.TOOL,
  function: Role.TOOL,
};

/**
 * Collects every string of `container[key]` that is a value, at any depth. A string has the role that the nearest
 * enclosing object names in its `role`, or `role`. Keys of objects are not among them.
 */
export function slotsIn(container: Node, key: string | number, role: Role, slots: Slot[] = []): Slot[] {
  const pending: { at: Node; key: string | number; role: Role }[] = [{ at: container, key, role }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { at, key, role } = next;
    const value = at[key];
    if (typeof value === "string") {
      slots.push({ text: value, role, replace: (text) => (at[key] = text) });
    } else if (typeof value === "object" && value !== null) {
      const inner = value as Node;
      const own = roleOf(inner, role);
      // Backwards, since the last is taken first: contents are to be in the order in which the model sees them.
      for (const name of Object.keys(inner).reverse()) pending.push({ at: inner, key: name, role: own });
    }
  }
  return slots;
}

function roleOf(node: Node, otherwise: Role): Role {
  const name = node["role"];
  return (typeof name === "string" && Object.hasOwn(ROLES, name) && ROLES[name]) || otherwise;
}
