import { redirect } from "@sveltejs/kit";
import { asKitError } from "$lib/server/sessions";
import type { Actions } from "./$types";

export const actions: Actions = {
  default: async ({ locals }) => {
    await locals.session.end().catch(asKitError);
    redirect(303, "/login");
  },
};
