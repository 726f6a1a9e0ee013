import { http } from "../../../sessions/store";

// Errors become responses here: 401 without a session, 403 for another site, 503 while Redis cannot answer.
export function GET(request: Request): Promise<Response> {
  return http.handle(request, (session) => {
    const { userId, claims } = session.require();
    return Response.json({ user: userId, role: claims.role });
  });
}
