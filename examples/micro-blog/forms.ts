/** What comes in with a request, made safe to use. Knows no page. */
import { safeReturnTo } from "coatcheck/express";
import type { Request } from "express";

/** A field of the form; "" where it is missing, or is anything but one text. */
export function field(req: Request, name: string): string {
  const value = (req.body as Record<string, unknown> | undefined)?.[name];
  return typeof value === "string" ? value : "";
}

/** The page number in the address; 1 where it is missing or no number. */
export function pageNumber(req: Request): number {
  const { page } = req.query;
  return typeof page === "string" && /^[1-9]\d{0,5}$/.test(page) ? Number(page) : 1;
}

/** The timeline with a text in its field that was not posted yet. */
export function draftPath(text: string): string {
  return `/?draft=${encodeURIComponent(text)}`;
}

/** A path of this site to go back to; "/" for anything else. */
export function localPath(path: unknown): string {
  return safeReturnTo(path, "/");
}
