"use server";

import { isSessionError } from "coatcheck";
import { safeReturnTo } from "coatcheck/http";
import { redirect } from "next/navigation";
import { actionSession } from "../sessions/page";

export async function logIn(form: FormData): Promise<void> {
  const session = await actionSession();
  try {
    // Check a password here.
    await session.start({ userId: String(form.get("user")), claims: { role: "member" } });
  } catch (error) {
    // An action has no status: what the user is to see is part of the page.
    if (isSessionError(error) && error.code === "USER_BLOCKED") redirect("/login?error=blocked");
    throw error;
  }
  redirect(safeReturnTo(form.get("returnTo"), "/account"));
}

export async function logOut(): Promise<void> {
  const session = await actionSession();
  await session.end();
  redirect("/login");
}
