import { createServer } from "node:http";
import type { Session } from "coatcheck";
import { createHttpSessions, nodePort } from "coatcheck/http";
import { same } from "./claims.js";
import { foreign, store } from "./store.js";

const http = createHttpSessions(store);
// The kit is for any store: only the frameworks' own request types need the registered claims.
const others = createHttpSessions(foreign, { cookie: false, bearer: true });

createServer(async (request, response) => {
  const session = await http.load(nodePort(request, response));
  same<typeof session.current, Session<Coatcheck.Claims> | null>(true);
  const other = await others.load(nodePort(request, response));
  same<typeof other.current, Session<{ colour: string }> | null>(true);
  other.require({ where: { colour: "red" } });
  // @ts-expect-error: the other store has no role
  other.require({ where: { role: "admin" } });
  response.end(session.require({ where: { role: "admin" } }).claims.role);
});
