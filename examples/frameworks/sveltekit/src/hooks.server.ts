import type { Handle } from "@sveltejs/kit";
import { http } from "$lib/server/sessions";

/** Loads the session of each request, and adds its cookie to whatever SvelteKit answers. */
export const handle: Handle = ({ event, resolve }) =>
  http.handle(event.request, (session) => {
    event.locals.session = session;
    return resolve(event);
  });
