/** Reading one claim from a record. How claims are written is in claims.ts. */
import { decodeValue } from "../leaves/json-value.js";
import { unescapeText } from "../leaves/text.js";

/** Adds one stored claim to an object. `field` includes the colon. */
export function decodeClaim(claims: Record<string, unknown>, field: string, text: string): void {
  const name = unescapeText(field.slice(1));
  const value = decodeValue(text);
  if (name === "__proto__") {
    // Assignment would set the prototype.
    Object.defineProperty(claims, name, { value, enumerable: true, configurable: true, writable: true });
  } else {
    claims[name] = value;
  }
}
