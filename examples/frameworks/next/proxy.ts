import { type NextRequest, NextResponse } from "next/server";
import { http } from "./sessions/store";

/** Sends browsers without a session to the log-in page. Runs on Node.js, as every proxy of Next 16 does. */
export function proxy(request: NextRequest): Promise<Response> {
  return http.handle(request, (session) => {
    const address = session.admit({ redirectTo: "/login" });
    return address === null ? NextResponse.next() : NextResponse.redirect(new URL(address, request.url), 303);
  });
}

export const config = { matcher: "/account/:path*" };
