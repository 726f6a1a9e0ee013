/** Values that are stored as JSON and must come back as they were. A leaf. */

/** For `JSON.stringify`: refuses values that JSON would change without an error. A value must come back as it was. */
export function refuseLossy(this: unknown, key: string, value: unknown): unknown {
  // `value` is what `toJSON` has returned; the holder still has the original.
  const original = (this as Record<string, unknown>)[key];
  if (typeof original === "object" && original !== null && !Array.isArray(original) && !isPlain(original)) {
    throw new TypeError(`a ${original.constructor?.name ?? "class"} would not come back as one`);
  }
  if (typeof value === "number" && !Number.isFinite(value)) throw new TypeError(`${value} would come back as null`);
  if (typeof value === "function" || typeof value === "symbol") throw new TypeError(`a ${typeof value} would be lost`);
  if (value === undefined && Array.isArray(this)) throw new TypeError("undefined in an array would come back as null");
  return value;
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  // An object of another realm has another Object.prototype, whose own prototype is null as well.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Throws `TypeError` unless a value is JSON, so that a stored one can be equal to it. */
export function checkJson(name: string, value: unknown): void {
  try {
    JSON.stringify(value, function (this: unknown, key, part: unknown) {
      if (part === undefined)
        throw new TypeError(`undefined${key === "" ? "" : ` as ${JSON.stringify(key)}`} is no value`);
      return refuseLossy.call(this, key, part);
    });
  } catch (cause) {
    throw new TypeError(`${name} must hold JSON values: ${(cause as Error).message}`, { cause });
  }
}

/** Whether two values are the same JSON: arrays item by item, objects member by member in any order. */
export function equalJson(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const [members, others] = [Object.entries(one), new Map<string, unknown>(Object.entries(other))];
  return (
    members.length === others.size &&
    members.every(([name, value]) => others.has(name) && equalJson(value, others.get(name)))
  );
}
