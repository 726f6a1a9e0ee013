import { http } from "../../../sessions/store";

export function POST(request: Request): Promise<Response> {
  return http.handle(request, async (session) => Response.json({ ended: await session.end() }));
}
