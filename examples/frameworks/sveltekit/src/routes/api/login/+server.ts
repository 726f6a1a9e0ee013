import { json } from "@sveltejs/kit";
import { asKitError } from "$lib/server/sessions";
import type { RequestHandler } from "./$types";

export const POST: RequestHandler = async ({ locals, request }) => {
  const { user } = await request.json();
  // Check a password here.
  await locals.session.start({ userId: String(user), claims: { role: "member" } }).catch(asKitError);
  return json({ user });
};
