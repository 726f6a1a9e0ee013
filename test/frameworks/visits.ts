/** Recipes with a form for the log-in, and a guarded page: what a browser does there. */
import { expect } from "vitest";
import { Device, type Reply } from "../examples/client.js";

const PAGE = { accept: "text/html", "sec-fetch-mode": "navigate", "sec-fetch-site": "same-origin" };

/** Where a browser is sent. */
export const sentTo = ({ headers }: Reply, base: string): string => {
  const { origin, pathname, search } = new URL(headers.get("location") ?? "", base);
  return origin === new URL(base).origin ? pathname + search : origin;
};

/** Opens a page as a browser does. */
export const openPage = (device: Device, path: string) => device.send("GET", path, { headers: PAGE });

/** Sends a form as a browser does. */
export const sendForm = (device: Device, base: string, path: string, form: Record<string, string>) =>
  device.send("POST", path, { form, headers: { ...PAGE, origin: base } });

/** The way by the log-in page and back: what `redirectTo` and `safeReturnTo` are for. */
export async function expectLogInPage(
  base: string,
  guarded: string,
  submit: (device: Device, path: string, user: string) => Promise<Reply>,
): Promise<Device> {
  const device = new Device(base);
  const sent = await openPage(device, `${guarded}?a=b`);
  expect(sent.status).toBe(303);
  const logIn = sentTo(sent, base);
  expect(logIn).toBe(`/login?returnTo=${encodeURIComponent(`${guarded}?a=b`)}`);
  const page = await openPage(device, logIn);
  expect([page.status, page.body]).toEqual([200, expect.stringContaining("<form")]);
  const back = await submit(device, logIn, "ada");
  expect([back.status, sentTo(back, base)]).toEqual([303, `${guarded}?a=b`]);
  const shown = await openPage(device, guarded);
  expect([shown.status, JSON.stringify(shown.body)]).toEqual([200, expect.stringContaining("ada")]);
  const lured = await submit(new Device(base), "/login?returnTo=//evil.example", "ada");
  expect(sentTo(lured, base)).toBe(guarded);
  return device;
}
