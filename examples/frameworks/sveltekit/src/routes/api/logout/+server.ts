import { json } from "@sveltejs/kit";
import { asKitError } from "$lib/server/sessions";
import type { RequestHandler } from "./$types";

export const POST: RequestHandler = async ({ locals }) => json({ ended: await locals.session.end().catch(asKitError) });
