import { http } from "../../../sessions/store";

export function POST(request: Request): Promise<Response> {
  return http.handle(request, async (session) => {
    const { user } = await request.json();
    // Check a password here.
    await session.start({ userId: String(user), claims: { role: "member" } });
    return Response.json({ user });
  });
}
