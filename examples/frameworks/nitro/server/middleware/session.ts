import { defineMiddleware, toResponse } from "nitro/h3";
import { http } from "../sessions";

// Before all routes. An error of coatcheck becomes its response here, so Nitro prints no stack for it; Nitro answers all others.
export default defineMiddleware(async (event, next) => {
  const response = await http.handle(event.req, async (session) => {
    event.context.session = session;
    return toResponse(await next(), event);
  });
  // They are in the response. Nitro would put those of `event.res` in their place, such as its own `Vary`.
  for (const name of response.headers.keys()) event.res.headers.delete(name);
  return response;
});
