import { fail, redirect } from "@sveltejs/kit";
import { isSessionError } from "coatcheck";
import { safeReturnTo } from "coatcheck/fetch";
import { asKitError } from "$lib/server/sessions";
import type { Actions } from "./$types";

export const actions: Actions = {
  default: async ({ locals, request, url }) => {
    const form = await request.formData();
    try {
      // Check a password here.
      await locals.session.start({ userId: String(form.get("user")), claims: { role: "member" } });
    } catch (error) {
      if (isSessionError(error) && error.code === "USER_BLOCKED") return fail(403, { problem: error.message });
      asKitError(error);
    }
    // Without an action the form is sent to the address of the page, `returnTo` included.
    redirect(303, safeReturnTo(url.searchParams.get("returnTo"), "/account"));
  },
};
