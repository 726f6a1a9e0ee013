import { json } from "@sveltejs/kit";
import { userOf } from "$lib/server/sessions";
import type { RequestHandler } from "./$types";

export const GET: RequestHandler = ({ locals }) => json({ user: userOf(locals.session).userId });
