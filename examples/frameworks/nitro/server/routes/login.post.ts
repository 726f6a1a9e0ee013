import { safeReturnTo } from "coatcheck/fetch";
import { defineHandler, redirect } from "nitro/h3";

export default defineHandler(async ({ req, url, context }) => {
  const form = await req.formData();
  // Check a password here.
  await context.session.start({ userId: String(form.get("user")), claims: { role: "member" } });
  return redirect(safeReturnTo(url.searchParams.get("returnTo"), "/account"), 303);
});
