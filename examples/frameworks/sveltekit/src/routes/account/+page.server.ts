import { userOf } from "$lib/server/sessions";
import type { PageServerLoad } from "./$types";

export const load: PageServerLoad = ({ locals }) => {
  const { userId, claims } = userOf(locals.session);
  return { user: userId, role: claims.role };
};
